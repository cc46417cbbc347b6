"""The time at which a row was made has no default in the database.

Only rows that go through the Python class get it. A migration that fills the table, a script, a second service and psql have
to know of it, and where the column must not be null they fail. `server_default=func.now()` makes the database say it.
https://docs.sqlalchemy.org/en/20/core/defaults.html#server-invoked-ddl-explicit-default-expressions
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.naming import is_creation
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S112",
    severity="warning",
    bad="create table task (id bigint primary key, created_at timestamptz not null);",
    good=(
        "create table task (id bigint primary key, created_at timestamptz not null default now());",
        "create table task (id bigint primary key, created_at timestamptz not null default statement_timestamp());",
        "create table task (id bigint primary key, completed_at timestamptz);",
    ),
    keyword='sa_column_kwargs={"server_default": func.now()}',
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if not is_creation(column.name) or not column.type.startswith(("timestamp", "date")):
            continue
        if column.default is None and column.generated is None and not column.inherited:
            yield RULE.found(
                subject=column.identity,
                message=f"{column.identity} has no default in the database: only rows made by the Python class get it.",
                evidence="derived from the schema",
                fix=f"alter table {column.table} alter column {quote(column.name)} set default now();",
            )
