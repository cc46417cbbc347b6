"""The downgrade does not lead back to where the upgrade started, or fails.

Up, down and up again on a copy: after going down, the schema should be as it was. What is left behind makes the next
upgrade fail (an enum type that the downgrade forgot), what is missing is lost.
"""

from collections.abc import Iterator

from mcp_server.model.change import describe
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M310",
    severity="error",
    form="revision",
    given="create table task (id bigint primary key, title text);",
    bad="""
def upgrade():
    kind = sa.Enum("a", name="kind")
    op.create_table("note", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("kind", kind))


def downgrade():
    op.drop_table("note")
""",
    good=(
        """
def upgrade():
    kind = sa.Enum("a", name="kind")
    op.create_table("note", sa.Column("id", sa.BigInteger(), primary_key=True), sa.Column("kind", kind))


def downgrade():
    op.drop_table("note")
    op.execute("drop type kind")
""",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    path = next(iter(migration.files.values())).path if len(migration.files) == 1 else ""
    if any(file.downgrade in ("missing", "empty", "refuses") for file in migration.files.values()):
        return
    line = next(iter(migration.files.values())).downgrade_line if path else 0
    place = f"{path}:{line}" if path else ""
    if migration.refusal:
        yield RULE.found(
            subject=migration.name,
            message=f"The way back fails: {migration.refusal}",
            evidence=f"observed on a copy of PostgreSQL {migration.major}",
            place=place,
        )
    elif migration.returned:
        listed = "; ".join(describe(change) for change in migration.returned[:5])
        more = f" and {len(migration.returned) - 5} more" if len(migration.returned) > 5 else ""
        yield RULE.found(
            subject=migration.name,
            message=f"After up and down the schema differs from the start: {listed}{more}.",
            evidence=f"observed on a copy of PostgreSQL {migration.major}",
            place=place,
        )
