"""Row security is switched on for a table that has no policy: everybody but its owner sees no rows.

Without a policy Postgres denies all. Create the policies first, in the same transaction, then enable row security.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Policy
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M403",
    severity="error",
    given="create table task (id bigint primary key, owner text);",
    bad="alter table task enable row level security;",
    good=("create policy own on task using (owner = current_user);\nalter table task enable row level security;",),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("enable row security"):
        table = migration.identity(action.relation)
        if migration.end.on(table, Policy) or not migration.stood(table):
            continue
        yield RULE.found(
            subject=table,
            message=f"{table} has no policy, so every role but its owner sees none of its rows.",
            evidence="derived from the schema after the migration",
            place=statement.place,
        )
