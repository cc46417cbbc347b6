"""A column for one word of a few takes any text.

A typing error in one place of the code ('compelted') is stored like any other state, and every query that asks for the right
word misses the row. A check constraint or an enum keeps the list where the rows are.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-CHECK-CONSTRAINTS
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.naming import is_state, is_text
from mcp_server.model.schema import Column, Constraint, Schema

RULE = Rule(
    code="S110",
    severity="warning",
    bad="create table task (id bigint primary key, status text not null);",
    good=(
        "create table task (id bigint primary key, status text not null check (status in ('open', 'done')));",
        "create type status as enum ('open', 'done'); create table task (id bigint primary key, status status not null);",
        "create table status (name text primary key);"
        "create table task (id bigint primary key, status text references status on delete restrict);"
        "create index on task (status);",
        "create table address (id bigint primary key, street text, city text, state text);",
        "create table task (id bigint primary key, priority int);",
    ),
)
ADDRESS = {"city", "street", "zip", "zip_code", "postal_code", "postcode", "country"}


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if not is_state(column.name) or not is_text(column.type) or column.inherited:
            continue
        if any(column.name in one.columns for one in schema.on(column.table, Constraint) if one.kind in "cf"):
            continue
        if column.name == "state" and ADDRESS & {one.name for one in schema.on(column.table, Column)}:
            continue
        yield RULE.found(
            subject=column.identity,
            message=f"{column.identity} takes any text: a mistyped word is stored, and no query finds its row.",
            evidence=f"its type is {column.type}, and no check, enum or foreign key bounds it",
            fix="",
        )
