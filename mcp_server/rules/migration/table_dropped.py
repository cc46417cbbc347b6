"""A table is dropped with its rows, and code that runs still asks for it.

Stop using the table in one release, drop it in a later one; rename it in between if in doubt, which can be undone.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M201",
    severity="warning",
    given="create table task (id bigint primary key);",
    bad="drop table task;",
    good=("create table note (id int); drop table note;", "drop table if exists nothing;"),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("drop table"):
        table = migration.identity(action.relation or action.name)
        if not migration.stood(table):
            continue
        known = migration.sizes.get(table)
        rows = "its rows" if known is None else f"about {known} rows"
        yield RULE.found(
            subject=table,
            message=f"{table} is dropped with {rows}: they are lost, and code that still asks for it fails.",
            evidence=migration.evidence(statement),
            place=statement.place,
            severity=None if known != 0 else "info",
        )
