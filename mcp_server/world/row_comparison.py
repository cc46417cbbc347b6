"""What became of rows: values of columns that survive a change, compared by Postgres's own text of them.

A value survives when it is there again, or when what is there now leads back to it: 1.50 as 1.5000, a timestamp with its
time zone. What is only like it (a number that was rounded, a text that was cut) does not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.names import quote, split
from mcp_server.model.observation import LostValues
from mcp_server.model.schema import Column, Constraint, Schema, Table

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SHOWN = 60
Line = tuple[str | None, ...]
Recast = Mapping[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows of a table, as text. columns: their names and types, in the order of each line. key: of the primary key."""

    table: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    lines: tuple[Line, ...]


async def read_rows(connection: Connection[Record], schema: Schema, tables: Sequence[str]) -> dict[str, Snapshot]:
    """The rows of those tables that the schema has, by identity."""
    return {name: await _read(connection, schema, name) for name in tables if schema.get(Table, name) is not None}


async def _read(connection: Connection[Record], schema: Schema, name: str) -> Snapshot:
    columns = tuple((column.name, column.type) for column in schema.on(name, Column))
    primary = [one for one in schema.on(name, Constraint) if one.kind == "p"]
    listed = ", ".join(f"cast({quote(column)} as text)" for column, _ in columns)
    rows = await connection.fetch(f"select {listed} from {name}") if columns else []
    return Snapshot(name, columns, primary[0].columns if primary else (), tuple(tuple(row) for row in rows))


async def compare_rows(
    connection: Connection[Record],
    before: Mapping[str, Snapshot],
    after: Mapping[str, Snapshot],
    renames: Mapping[str, str] | None = None,
) -> tuple[LostValues, ...]:
    """The values that did not survive, by column, in the columns that both have; whole rows by their table.

    renames: of tables and columns, {old identity: new identity}. connection: to where `after` was read.
    """
    lost: list[LostValues] = []
    for name, old in before.items():
        new = after.get((renames or {}).get(name, name))
        if new is not None:
            pairs = list(_surviving(old, new, renames or {}))
            recasts = [await _back(connection, old, new, pair) for pair in pairs]
            lost += _compare(old, new, pairs, recasts)
    return tuple(lost)


Pair = tuple[int, int]


def _surviving(old: Snapshot, new: Snapshot, renames: Mapping[str, str]) -> Iterator[Pair]:
    """Positions of the columns that both have."""
    positions = {name: position for position, (name, _) in enumerate(new.columns)}
    for position, (name, _) in enumerate(old.columns):
        renamed = renames.get(f"{old.table}.{quote(name)}")
        there = positions.get(split(renamed)[-1] if renamed else name)
        if there is not None:
            yield position, there


async def _back(connection: Connection[Record], old: Snapshot, new: Snapshot, pair: Pair) -> Recast:
    """What each new value of a column is in the column's old type, as text; values that do not lead back are left out."""
    mine, theirs = pair
    was, now = old.columns[mine][1], new.columns[theirs][1]
    if was == now:
        return {}
    found: dict[str | None, str | None] = {}
    for value in {line[theirs] for line in new.lines} - {line[mine] for line in old.lines}:
        try:
            found[value] = await connection.fetchval(f"select cast(cast(cast($1 as text) as {was}) as text)", value)
        except asyncpg.PostgresError:
            continue
    return found


def _compare(old: Snapshot, new: Snapshot, pairs: Sequence[Pair], recasts: Sequence[Recast]) -> Iterator[LostValues]:
    mine = [tuple(line[first] for first, _ in pairs) for line in old.lines]
    theirs = [
        tuple(_led_back(line[second], recast) for (_, second), recast in zip(pairs, recasts, strict=True))
        for line in new.lines
    ]
    if not pairs or not Counter(mine) - Counter(theirs):
        return
    names = [old.columns[first][0] for first, _ in pairs]
    key = [names.index(name) for name in old.key if name in names]
    paired = _paired(mine, theirs, key if len(key) == len(old.key) else [])
    missing = sum(one is None for _, one in paired)
    if missing:
        yield LostValues(old.table, missing, f"{_shown(next(was for was, one in paired if one is None))} is gone")
    for position, name in enumerate(names):
        changed = [(was[position], now[position]) for was, now in paired if now is not None]
        differing = [(was, now) for was, now in changed if not _same(was, now)]
        if differing:
            was, now = differing[0]
            yield LostValues(f"{old.table}.{quote(name)}", len(differing), f"{_text(was)} -> {_text(now)}")


def _led_back(value: str | None, recast: Recast) -> str | None:
    return recast.get(value, value)


def _paired(mine: Sequence[Line], theirs: Sequence[Line], key: Sequence[int]) -> list[tuple[Line, Line | None]]:
    """Each old row with what it became: by its primary key, else the row that shares the most values with it."""
    if key:
        known = {tuple(line[one] for one in key): line for line in theirs}
        return [(line, known.get(tuple(line[one] for one in key))) for line in mine]
    left = list(theirs)
    for line in mine:
        if line in left:
            left.remove(line)
    rest = Counter(mine) - Counter(theirs)
    paired: list[tuple[Line, Line | None]] = []
    for line in rest.elements():
        nearest = max(left, key=lambda other: sum(map(_same, line, other)), default=None)
        if nearest is not None:
            left.remove(nearest)
        paired.append((line, nearest))
    return paired


def _same(one: str | None, other: str | None) -> bool:
    """Whether two texts are one value: JSON may be spelt in several ways."""
    if one == other or one is None or other is None:
        return one == other
    if not (one[:1] in '{["' and other[:1] in '{["'):
        return False
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def _text(value: str | None) -> str:
    if value is None:
        return "NULL"
    return repr(value if len(value) <= SHOWN else value[:SHOWN] + "…")


def _shown(line: Line) -> str:
    return "(" + ", ".join(_text(one) for one in line[:4]) + (", …)" if len(line) > 4 else ")")
