"""A date or a time is kept as text.

'2030-2-1' is later than '2030-10-1', '31.02.2030' is accepted, and no index on it answers a range. Postgres has date and
timestamptz for it.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.naming import is_moment, is_text
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S113",
    severity="warning",
    bad="create table task (id bigint primary key, due_date text);",
    good=(
        "create table task (id bigint primary key, due_date date, done_at timestamptz);",
        "create table task (id bigint primary key, title text, format text);",
    ),
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if is_moment(column.name) and is_text(column.type) and not column.inherited:
            name = quote(column.name)
            better = "date" if column.name.lower().endswith(("date", "day")) else "timestamptz"
            drop = f"alter column {name} drop default, " if column.default is not None else ""
            yield RULE.found(
                subject=column.identity,
                message=f"{column.identity} keeps a date as text: it sorts by letters, and any text is accepted.",
                evidence=f"its type is {column.type}",
                fix=f"alter table {column.table} {drop}alter column {name} type {better} using {name}::{better};",
            )
