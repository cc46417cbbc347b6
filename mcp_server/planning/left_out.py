"""Columns, indexes and constraints that somebody wants left alone: the goal has them as the start has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint, Index, Schema, SchemaObject, Sequence


def with_left_out(before: Schema, goal: Schema, parts: Collection[tuple[str, str]]) -> Schema:
    """The goal with some parts of its tables as `before` has them: standing, or not there. parts: by (word, identity).

    What the goal puts on a column that is not to be made goes with it; a sequence of a column that stays, stays.
    """
    if not parts:
        return goal
    stood, found = before.by_key(), goal.by_key()
    parts = {*parts, *_backing(before, parts), *_backing(goal, parts)}
    missing = {key[1] for key in parts if key not in stood and key[0] == Column.word}
    for key in parts:
        if key in stood:
            found[key] = stood[key]
        else:
            found.pop(key, None)
    for sequence in before.all(Sequence):
        if (Column.word, sequence.owned_by) in parts:
            found[sequence.word, sequence.identity] = sequence
    return Schema.of((one for one in found.values() if not _is_on(one, missing)), goal.server_version)


def _backing(schema: Schema, parts: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The indexes that constraints among the parts stand on."""
    for index in schema.all(Index):
        if index.constraint and (Constraint.word, f"{index.table}.{quote(index.constraint)}") in parts:
            yield index.word, index.identity


def _is_on(item: SchemaObject, columns: Collection[str]) -> bool:
    """Whether an index or constraint has one of these columns, each by its identity."""
    if not isinstance(item, Index | Constraint):
        return False
    return any(Column(item.table, name, "").identity in columns for name in item.columns if name)
