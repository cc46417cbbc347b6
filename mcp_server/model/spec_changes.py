"""What later documents take away or rename, carried out on what the earlier ones state.

A document that states the same thing itself is not taken at its word: there the statement is of a way back, or of a reset.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from mcp_server.model.spec import (
    Change,
    Document,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    alike,
)


def carried_out(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The documents in their order, without what a later one drops, and with the names that a later one gives."""
    found = list(documents)
    for index, document in enumerate(documents):
        for change in document.changes:
            if not _states(document, change):
                last = index + 1 if change.new else index
                found[:last] = [_changed(one, change) for one in found[:last]]
    return tuple(found)


def _states(document: Document, change: Change) -> bool:
    """Whether the document states what it drops, or by its old name what it has renamed above."""
    tables = [one for one in document.tables if alike(one.name) == alike(change.table)]
    places = [column.place for one in tables for column in one.columns if column.name.lower() == change.column.lower()]
    places = places if change.column else [one.place for one in tables]
    return any(not change.new or place.line > change.place.line for place in places)


def _changed(document: Document, change: Change) -> Document:
    return replace(
        document,
        tables=tuple(table for one in document.tables if (table := _table(one, change)) is not None),
        indexes=tuple(index for one in document.indexes if (index := _index(one, change)) is not None),
        checks=tuple(check for one in document.checks if (check := _check(one, change)) is not None),
        keys=tuple(key for one in document.keys if (key := _key(one, change)) is not None),
    )


def _is_meant(name: str, change: Change) -> bool:
    return alike(name) == alike(change.table)


def _table(table: StatedTable, change: Change) -> StatedTable | None:
    columns = tuple(_led(one, change) for one in table.columns)
    if not _is_meant(table.name, change):
        return replace(table, columns=columns)
    if not change.column:
        return replace(table, name=change.new, columns=columns) if change.new else None
    kept = tuple(new for one in columns if (new := _column(one, change)) is not None)
    key = tuple(change.new if one.lower() == change.column.lower() else one for one in table.key)
    return replace(table, columns=kept, key=tuple(one for one in key if one))


def _column(column: StatedColumn, change: Change) -> StatedColumn | None:
    if column.name.lower() != change.column.lower():
        return column
    check = _renamed(column.check, change)
    return replace(column, name=change.new, check=check) if change.new else None


def _led(column: StatedColumn, change: Change) -> StatedColumn:
    """A column whose foreign key leads to what is renamed leads there still."""
    led = column.reference
    if led is None or not change.new or not _is_meant(led.table, change):
        return column
    if not change.column:
        return replace(column, reference=replace(led, table=change.new))
    is_same = led.column.lower() == change.column.lower()
    return replace(column, reference=replace(led, column=change.new)) if is_same else column


def _index(index: StatedIndex, change: Change) -> StatedIndex | None:
    if not _is_meant(index.table, change):
        return index
    if not change.column:
        return replace(index, table=change.new) if change.new else None
    if change.column.lower() not in {one.lower() for one in index.columns}:
        return index
    keys = tuple(_renamed(key, change) for key in index.keys)
    return replace(index, keys=keys, predicate=_renamed(index.predicate, change)) if change.new else None


def _check(check: StatedCheck, change: Change) -> StatedCheck | None:
    if not _is_meant(check.table, change):
        return check
    if not change.column:
        return replace(check, table=change.new) if change.new else None
    if change.column.lower() not in {one.lower() for one in check.columns}:
        return check
    columns = tuple(change.new if one.lower() == change.column.lower() else one for one in check.columns)
    return replace(check, columns=columns, expression=_renamed(check.expression, change)) if change.new else None


def _key(key: StatedKey, change: Change) -> StatedKey | None:
    if _is_meant(key.reference.table, change) and not change.column and change.new:
        key = replace(key, reference=replace(key.reference, table=change.new))
    if not _is_meant(key.table, change):
        return key
    if not change.column:
        return replace(key, table=change.new) if change.new else None
    if change.column.lower() not in {one.lower() for one in key.columns}:
        return key
    columns = tuple(change.new if one.lower() == change.column.lower() else one for one in key.columns)
    return replace(key, columns=columns) if change.new else None


def _renamed(sql: str, change: Change) -> str:
    return re.sub(rf"\b{re.escape(change.column)}\b", change.new, sql) if sql and change.new else sql
