"""Columns that hold what another table says already: denormalised data, as their names and foreign keys tell."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.names import split
from mcp_server.model.schema import Column, Constraint, Schema
from mcp_server.model.spec import alike

_COUNTS = ("smallint", "integer", "bigint", "numeric")


def is_copy(column: Column, schema: Schema) -> bool:
    """Whether a column repeats a value of the row it refers to (`owner_email`), or counts the rows that refer to its own."""
    return alike(column.name) in {*_values(column, schema), *_counters(column, schema)}


def _values(column: Column, schema: Schema) -> Iterator[str]:
    """The names under which values of the same type would be copied from the tables that the column's table refers to."""
    for key in schema.on(column.table, Constraint):
        if key.kind != "f" or column.name in key.columns:
            continue
        callers = {alike(key.references), *(alike(name.removesuffix("_id")) for name in key.columns)}
        for copied in schema.on(key.references, Column):
            if copied.type == column.type and copied.name not in key.referenced_columns:
                yield from (caller + alike(copied.name) for caller in callers)


def _counters(column: Column, schema: Schema) -> Iterator[str]:
    """The names under which the rows of other tables that refer to the column's own would be counted."""
    if column.type not in _COUNTS:
        return
    for key in schema.all(Constraint):
        if key.kind == "f" and key.references == column.table:
            yield from (alike(split(key.table)[-1]) + word for word in ("count", "number"))
