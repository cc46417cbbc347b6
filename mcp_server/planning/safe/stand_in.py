"""A value for a required column that comes back after its values are gone: without one no row could be kept.

The structure is what a rollback needs at once, so that the application that knew the column can run; the values come
from a backup, if they are wanted.
"""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.change import Added, Altered
from mcp_server.model.names import literal, quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Enum, Index, Schema
from mcp_server.planning import casts
from mcp_server.planning.draft import ACCESS_EXCLUSIVE

_VALUES = {
    **dict.fromkeys(("text", "character varying", "character", "bpchar", "bytea"), "''"),
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "real", "double precision"), "0"),
    **dict.fromkeys(("date", "timestamp without time zone", "timestamp with time zone"), "'1970-01-01'"),
    **dict.fromkeys(("time without time zone", "time with time zone", "interval"), "'00:00'"),
    **dict.fromkeys(("json", "jsonb"), "'{}'"),
    "boolean": "false",
    "uuid": "'00000000-0000-0000-0000-000000000000'",
}


def stand_in(column: Column, schema: Schema) -> str:
    """The value as SQL; "" where none would do, because of the type, or of what holds the column's values to something."""
    held = any(column.name in one.columns for one in schema.on(column.table, Constraint) if one.kind != "n")
    if held or any(one.unique and column.name in one.columns for one in schema.on(column.table, Index)):
        return ""
    parsed = casts.parse(column.type)
    enum = schema.get(Enum, column.type)
    value = "'{}'" if parsed.dimensions else _VALUES.get(parsed.base, "")
    value = literal(enum.values[0]) if enum is not None and enum.values else value
    return f"{value}::{column.type}" if value else ""


def comes_back(column: Column, value: str) -> tuple[Step, Step]:
    """ADD COLUMN with the value in every row that is there, which is over at once, and for no row that comes."""
    bare = replace(column, nullable=True, comment="")
    filled = replace(bare, default=value)
    why = f"its values are gone, {value} stands in every row"
    collation = f" COLLATE {column.collation}" if column.collation else ""
    name = quote(column.name)
    added = f"ALTER TABLE {column.table} ADD COLUMN {name} {column.type}{collation} DEFAULT {value}"
    dropped = f"ALTER TABLE {column.table} ALTER COLUMN {name} DROP DEFAULT"
    return (
        Step(added, Added(filled), lock=ACCESS_EXCLUSIVE, why=why),
        Step(dropped, Altered(filled, bare, ("default",)), fields=("default",), lock=ACCESS_EXCLUSIVE),
    )
