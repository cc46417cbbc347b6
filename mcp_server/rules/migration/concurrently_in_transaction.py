"""A statement that Postgres runs outside of transactions only is sent inside of one.

CREATE INDEX CONCURRENTLY and its like commit in their midst. In Alembic put it into `with op.get_context().autocommit_block():`,
alone in its revision; in a script leave BEGIN away.
https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.migration.MigrationContext.autocommit_block
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration
from mcp_server.rules.cures import script

RULE = Rule(
    code="M303",
    severity="error",
    given="create table task (id bigint primary key, title text);",
    bad="begin;\ncreate index concurrently task_title on task (title);\ncommit;",
    good=("create index concurrently task_title on task (title);",),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement in migration.statements:
        if statement.sqlstate != "25001":
            continue
        fix = script(statement.sql)
        if migration.environment.is_alembic:
            fix = f"with op.get_context().autocommit_block():\n    op.execute({statement.sql.strip()!r})"
        yield RULE.found(
            subject=migration.name,
            message=f"It fails: {statement.error}",
            evidence=f"observed on a copy of PostgreSQL {migration.major}",
            fix=fix,
            place=statement.place,
        )
