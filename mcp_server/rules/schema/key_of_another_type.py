"""A foreign key's column has another type than the key that it refers to.

An integer that refers to a bigint overflows when the numbers pass 2 147 483 647: the parent takes the row, the child cannot
name it. A text of another length cuts or refuses.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint, Schema

RULE = Rule(
    code="S117",
    severity="warning",
    given="create table author (id bigint primary key);",
    bad="create table book (id bigint primary key, author_id int references author on delete cascade);"
    "create index on book (author_id);",
    good=(
        "create table book (id bigint primary key, author_id bigint references author on delete cascade);"
        "create index on book (author_id);",
        "create table place (code varchar(10) primary key);"
        "create table trip (id bigint primary key, place_code text references place on delete cascade);"
        "create index on trip (place_code);",
    ),
)
SIZES = {"smallint": 2, "integer": 4, "bigint": 8}


def check(schema: Schema) -> Iterator[Finding]:
    for key in schema.all(Constraint):
        if key.kind != "f" or key.inherited:
            continue
        own = {one.name: one for one in schema.on(key.table, Column)}
        others = {one.name: one for one in schema.on(key.references, Column)}
        for name, other in zip(key.columns, key.referenced_columns, strict=False):
            column, target = own.get(name), others.get(other)
            if column and target and SIZES.get(column.type, 9) < SIZES.get(target.type, 0):
                yield RULE.found(
                    subject=column.identity,
                    message=f"{column.identity} is {column.type} and refers to {target.type}: it ends before the key does.",
                    evidence=f"derived from the schema: {key.definition}",
                    fix=f"alter table {key.table} alter column {quote(name)} type {target.type};",
                )
