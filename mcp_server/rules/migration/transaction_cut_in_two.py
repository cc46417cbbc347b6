"""A revision commits in its middle, so a later failure leaves half of it behind.

`autocommit_block()` commits what came before it. When a later statement fails, the database keeps the first half while
Alembic's mark stays at the revision before: the next try stumbles over what is already there. One revision is either one
transaction, or one statement outside of any.
https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.migration.MigrationContext.autocommit_block
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, RevisionFile

RULE = Rule(
    code="M307",
    severity="warning",
    form="revision",
    given="create table task (id bigint primary key, title text);",
    bad="""
def upgrade():
    op.add_column("task", sa.Column("due", sa.Date()))
    with op.get_context().autocommit_block():
        op.create_index("task_due", "task", ["due"], postgresql_concurrently=True)


def downgrade():
    op.drop_column("task", "due")
""",
    good=(
        """
def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("task_title", "task", ["title"], postgresql_concurrently=True)


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("task_title", postgresql_concurrently=True)
""",
        """
def briefly(statement):
    op.execute("SET lock_timeout = '3s'")
    op.execute(statement)


def upgrade():
    with op.get_context().autocommit_block():
        briefly("ALTER TABLE task ALTER COLUMN title DROP NOT NULL")
        op.create_index("task_title", "task", ["title"], postgresql_concurrently=True)


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index("task_title", postgresql_concurrently=True)
""",
        """
def briefly(statement):
    op.execute("SET lock_timeout = '3s'")
    op.execute(statement)


def upgrade():
    op.add_column("task", sa.Column("due", sa.Date()))


def downgrade():
    with op.get_context().autocommit_block():
        briefly("ALTER TABLE task DROP COLUMN IF EXISTS due")
""",
    ),
    cured=False,
)
SETTINGS = ("set ", "select set_config")


def check(migration: Migration) -> Iterator[Finding]:
    for file in migration.files.values():
        cut = _cut(file)
        if cut:
            yield RULE.found(
                subject=migration.name if len(migration.files) == 1 else file.path,
                message="autocommit_block() commits what came before it; a failure after that leaves half of the revision.",
                evidence="derived from the text of the revision",
                place=f"{file.path}:{cut}",
            )


def _cut(file: RevisionFile) -> int:
    """The line of the first call outside of a transaction in a revision that also has calls inside; 0 for none."""
    calls = [call for call in file.upgrade_calls() if not call.text.lower().lstrip().startswith(SETTINGS)]
    apart = [call for call in calls if call.autocommit]
    return apart[0].line if apart and len(apart) < len(calls) else 0
