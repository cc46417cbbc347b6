"""A table has policies, and its row security is off: they do nothing.

Policies are only asked where `alter table ... enable row level security` was said. Everybody who may read the table reads
every row.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.facts import unguarded
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.schema import Policy, Schema, Table

RULE = Rule(
    code="S118",
    severity="error",
    bad="create table task (id bigint primary key, title text); create policy own on task using (title = current_user);",
    good=(
        "create table task (id bigint primary key, title text); create policy own on task using (title = current_user);"
        "alter table task enable row level security;",
        "create table task (id bigint primary key, title text);",
    ),
)


def check(schema: Schema) -> Iterator[Finding]:
    for table in schema.all(Table):
        if unguarded(schema, table):
            names = ", ".join(one.name for one in schema.on(table.identity, Policy))
            yield RULE.found(
                subject=table.identity,
                message=f"The policies of {table.identity} do nothing, because its row security is off.",
                evidence=f"derived from the schema: {names}",
                fix=f"alter table {table.identity} enable row level security;",
            )
