"""A value of an enum gets another name, and code that runs still writes the old one.

Postgres refuses the old word from that moment on. Add the new value, let the code accept both, change the rows in batches;
the old value stays (Postgres cannot drop it without a new type).
https://www.postgresql.org/docs/current/sql-altertype.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M208",
    severity="error",
    given="create type mood as enum ('sad', 'ok'); create table task (id bigint primary key, mood mood);",
    bad="alter type mood rename value 'sad' to 'unhappy';",
    good=("alter type mood add value 'happy';",),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("rename enum value"):
        name = migration.identity(action.relation or action.name)
        yield RULE.found(
            subject=name,
            message=f"Code that still writes or compares the old value of {name} fails.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
