"""A table is emptied by TRUNCATE.

Its rows are lost, and reads and writes stop for it and, with CASCADE, for every table that refers to it, which is emptied
too. Delete in batches what is not wanted any more.
https://www.postgresql.org/docs/current/sql-truncate.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M206",
    severity="error",
    given="create table task (id bigint primary key);",
    bad="truncate task;",
    good=("create table note (id int); truncate note;",),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("truncate"):
        table = migration.identity(action.relation)
        emptied = [lock.relation for lock in migration.taken(statement) if lock.relation != table]
        if not migration.stood(table) or (emptied and statement.actions[0] != action):
            continue
        more = f", and with it {', '.join(emptied)}" if emptied else ""
        yield RULE.found(
            subject=table,
            message=f"All rows of {table} are lost{more}; reads and writes stop meanwhile.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
