"""The time at which a row was made or changed may be null.

A null is neither before nor after anything: such a row is missing from every list by time, and sorts to the wrong end. It
mostly comes from `sa_column=Column(DateTime(...))`, which is nullable whatever the annotation says.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.naming import is_change, is_creation
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S111",
    severity="warning",
    bad="create table task (id bigint primary key, created_at timestamptz default now());",
    good=(
        "create table task (id bigint primary key, created_at timestamptz not null default now());",
        "create table task (id bigint primary key, completed_at timestamptz, deleted_at timestamptz);",
        "create table task (id bigint primary key, created boolean not null);",
    ),
    keyword="nullable=False",
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        timed = column.type.startswith(("timestamp", "date"))
        if not timed or not column.nullable or column.inherited:
            continue
        if is_creation(column.name) or is_change(column.name):
            name = quote(column.name)
            yield RULE.found(
                subject=column.identity,
                message=f"{column.identity} may be null: such a row is missing from every list by time.",
                evidence="derived from the schema",
                fix=f"alter table {column.table} alter column {name} set not null;",
            )
