"""A revision has no way back.

`alembic downgrade` runs through it without a word and moves the mark, while the database keeps everything: the next
upgrade fails on what is there. Write the way back, or raise with the reason when there is none.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M309",
    severity="warning",
    form="revision",
    given="create table task (id bigint primary key, title text);",
    bad="""
def upgrade():
    op.add_column("task", sa.Column("due", sa.Date()))


def downgrade():
    pass
""",
    good=(
        """
def upgrade():
    op.add_column("task", sa.Column("due", sa.Date()))


def downgrade():
    op.drop_column("task", "due")
""",
        """
def upgrade():
    op.execute("update task set title = 'x' where id between 1 and 10")


def downgrade():
    raise NotImplementedError("The old titles are gone.")
""",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for file in migration.files.values():
        if file.downgrade not in ("missing", "empty") or file.is_empty or file.is_merge or not migration.statements:
            continue
        done = "is missing" if file.downgrade == "missing" else "does nothing"
        yield RULE.found(
            subject=file.path,
            message=f"downgrade() {done}: Alembic moves its mark back, and the database stays as it is.",
            evidence="derived from the text of the revision",
            place=f"{file.path}:{file.downgrade_line}",
        )
