"""A column has the type json.

It keeps the text as it came and parses it again at every use; it has no equality, so DISTINCT and GROUP BY fail, and no
index reaches into it. `jsonb` has all of that.
https://www.postgresql.org/docs/current/datatype-json.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S108",
    severity="warning",
    bad="create table task (id bigint primary key, settings json);",
    good=(
        "create table task (id bigint primary key, settings jsonb);",
        "create table task (id bigint primary key, json text);",
    ),
    keyword="sa_type=JSONB",
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if column.type not in ("json", "json[]") or column.inherited:
            continue
        name, better = quote(column.name), column.type.replace("json", "jsonb")
        yield RULE.found(
            subject=column.identity,
            message=f"{column.identity} is json: it cannot be compared, and no index reaches into it.",
            evidence=f"its type is {column.type}",
            fix=f"alter table {column.table} alter column {name} type {better} using {name}::{better};",
        )
