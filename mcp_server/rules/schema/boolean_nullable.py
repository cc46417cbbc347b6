"""A boolean may be null, which makes three answers to a question of two.

`where not done` and `where done` both leave such rows out, so lists and counts lose them. Give the column a default and make
it not null.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S114",
    severity="warning",
    bad="create table task (id bigint primary key, done boolean);",
    good=(
        "create table task (id bigint primary key, done boolean not null default false);",
        "create table task (id bigint primary key, done_at timestamptz);",
        "create table task (id bigint primary key, hours int, busy boolean generated always as (hours > 8) stored);",
    ),
    keyword="nullable=False",
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if column.type != "boolean" or not column.nullable or column.generated is not None or column.inherited:
            continue
        name = quote(column.name)
        yield RULE.found(
            subject=column.identity,
            message=f"{column.identity} may be null: neither `where {name}` nor `where not {name}` finds such a row.",
            evidence="derived from the schema",
            fix=f"alter table {column.table} alter column {name} set default {column.default or 'false'}, "
            f"alter column {name} set not null;",
        )
