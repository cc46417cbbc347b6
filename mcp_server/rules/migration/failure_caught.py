"""A revision catches the failure of a statement and goes on.

Inside a transaction Postgres refuses everything after an error (current transaction is aborted), so what comes after the
`except` fails with words that hide the cause; outside of one the revision counts as done although it did nothing. Ask
first (IF EXISTS, an inspector) instead of trying.
https://www.postgresql.org/docs/current/protocol-flow.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M308",
    severity="error",
    form="revision",
    given="create table task (id bigint primary key, title text);",
    bad="""
def upgrade():
    try:
        op.add_column("task", sa.Column("due", sa.Date()))
    except Exception:
        pass


def downgrade():
    op.drop_column("task", "due")
""",
    good=(
        """
def upgrade():
    op.add_column("task", sa.Column("due", sa.Date()))


def downgrade():
    op.drop_column("task", "due")
""",
    ),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for file in migration.files.values():
        caught = [call for call in file.upgrade_calls() if call.caught]
        if caught:
            yield RULE.found(
                subject=f"{caught[0].name}()",
                message="When it fails, the transaction is lost, and what comes after the except fails too.",
                evidence="derived from the text of the revision",
                place=f"{file.path}:{caught[0].line}",
            )
