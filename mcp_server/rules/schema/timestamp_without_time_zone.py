"""A column keeps a moment without its time zone.

`timestamp` stores what a clock on the wall showed and forgets where it hung: two servers in two zones write two values for
one moment, and asyncpg refuses an aware datetime for it. `timestamptz` takes the same eight bytes and keeps the moment.
https://wiki.postgresql.org/wiki/Don%27t_Do_This#Don.27t_use_timestamp_.28without_time_zone.29
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Schema

RULE = Rule(
    code="S104",
    severity="warning",
    bad="create table task (id bigint primary key, due_at timestamp);",
    good=(
        "create table task (id bigint primary key, due_at timestamptz);",
        "create table task (id bigint primary key, due date, wakes_at time);",
        "create table task (id bigint primary key, at_utc timestamptz, local timestamp generated always as "
        "(at_utc at time zone 'UTC') stored);",
    ),
    keyword="sa_type=DateTime(timezone=True)",
)


def check(schema: Schema) -> Iterator[Finding]:
    for column in schema.all(Column):
        if not column.type.startswith("timestamp") or "without time zone" not in column.type:
            continue
        if column.generated is not None or column.inherited:
            continue
        array = "[]" if column.type.endswith("[]") else ""
        name = quote(column.name)
        zone = "" if array else f" using {name} at time zone 'UTC'"
        yield RULE.found(
            subject=column.identity,
            message=f"{column.identity} keeps a moment without its time zone: what it means depends on who wrote it.",
            evidence=f"its type is {column.type}",
            fix=f"alter table {column.table} alter column {name} type timestamp with time zone{array}{zone};",
        )
