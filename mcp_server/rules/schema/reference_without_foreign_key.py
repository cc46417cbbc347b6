"""A column refers to another table by its name only.

Nothing keeps its value true: rows refer to what was never there or was deleted long ago, and joins lose them in silence.
Where the table belongs to an authentication library the key can point there as well: both are in one database.
https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
"""

from collections.abc import Iterator

from mcp_server.model.facts import primary_key
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.naming import names_of, stem
from mcp_server.model.schema import Column, Constraint, Schema, Table

RULE = Rule(
    code="S115",
    severity="warning",
    given="create table users (id bigint primary key);",
    bad="create table task (id bigint primary key, user_id bigint not null);",
    good=(
        "create table task (id bigint primary key, user_id bigint not null references users on delete cascade);"
        "create index on task (user_id);",
        "create table event (id bigint primary key, user_type text, user_id bigint);",
        "create table task (id bigint primary key, external_id text, stripe_user_id text);",
        "create table profile (user_id bigint primary key, constraint fk foreign key (user_id) references users "
        "on delete cascade);",
    ),
)
OWNERS = ("user", "owner")


def check(schema: Schema) -> Iterator[Finding]:
    tables = {one.name.lower(): one for one in schema.all(Table) if not one.partition_of}
    for table in (one for one in schema.all(Table) if not one.partition_of):
        keyed = {name for one in schema.on(table.identity, Constraint) if one.kind == "f" for name in one.columns}
        named = {column.name.lower() for column in schema.on(table.identity, Column)}
        for column in schema.on(table.identity, Column):
            thing = stem(column.name)
            if not thing or column.name in keyed or column.inherited or {f"{thing}_type", f"{thing}type"} & named:
                continue
            target = next((tables[name] for name in names_of(thing) if name in tables), None)
            if target is not None and target is not table:
                yield _found(schema, column, target)
            elif target is None and thing in OWNERS:
                yield RULE.found(
                    subject=column.identity,
                    message=f"{column.identity} says whose row it is, and no foreign key keeps that true.",
                    evidence="the schema has no table of users that it could refer to; it may be another library's",
                    severity="info",
                )


def _found(schema: Schema, column: Column, target: Table) -> Finding:
    key = primary_key(schema, target.identity)
    referenced = next((one for one in schema.on(target.identity, Column) if (one.name,) == key), None)
    fits = referenced is not None and referenced.type == column.type
    name = quote(column.name)
    return RULE.found(
        subject=column.identity,
        message=f"{column.identity} refers to {target.identity} by its name only: nothing keeps its value true.",
        evidence="derived from the schema: no foreign key has the column"
        + ("" if fits or referenced is None else f"; its type is {column.type}, that of the key {referenced.type}"),
        fix=f"alter table {column.table} add foreign key ({name}) references {target.identity} on delete restrict;\n"
        f"create index on {column.table} ({name});"
        if fits
        else "",
    )
