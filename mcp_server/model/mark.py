"""Where a history made, or last changed, each table, column, index and constraint; and a description with these places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mcp_server.model.described import Described, DescribedColumn, DescribedTable
from mcp_server.model.orm import Place
from mcp_server.model.spec import NOWHERE

# What is marked: a table ("", ""), or a column, an index or a constraint of it: ("column", its name).
Part = tuple[str, str]
TABLE: Part = ("", "")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a revision. revision: its id."""

    place: Place
    revision: str


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands at the end of a history. found: by table (as a Described has it), then by part of it."""

    found: Mapping[str, Mapping[Part, Mark]] = field(default_factory=dict)

    def of(self, table: str, kind: str = "", name: str = "") -> Mark | None:
        """The mark of a part of a table, None when the history's text does not tell."""
        return self.found.get(table, {}).get((kind, name))


def placed(described: Described, marks: Marks) -> Described:
    """A source that a history makes, with the revision's file and line where it has no place."""
    return replace(described, tables=tuple(_table(one, marks) for one in described.tables))


def _table(table: DescribedTable, marks: Marks) -> DescribedTable:
    def place(kind: str, name: str, known: Place) -> Place:
        found = None if known.file else marks.of(table.name, kind, name)
        return found.place if found else known

    columns = tuple(replace(one, place=place("column", one.name, one.place)) for one in table.columns)
    by_name = {one.name: one.place for one in columns}

    def owned(name: str, keys: tuple[str, ...], known: Place) -> Place:
        """Of an index or a check: its own, else that of its only column, which may have made it."""
        own = place("index", name, place("constraint", name, known))
        return own if own.file or len(keys) != 1 else by_name.get(keys[0], own)

    return replace(
        table,
        place=place("", "", table.place),
        columns=columns,
        indexes=tuple(replace(one, place=owned(one.name, one.keys, one.place)) for one in table.indexes),
        checks=tuple(replace(one, place=owned(one.name, one.columns, one.place)) for one in table.checks),
    )


def placed_live(live: Described, migrations: Described, marks: Marks, applied: frozenset[str]) -> Described:
    """The live database with the places of what it has from the history, and of nothing that was changed past it.

    migrations: what the history makes, with its places. applied: the revisions that the database has.
    """
    told = {one.name: one for one in migrations.tables}
    return replace(live, tables=tuple(_live_table(one, told.get(one.name), marks, applied) for one in live.tables))


def _live_table(
    table: DescribedTable, told: DescribedTable | None, marks: Marks, applied: frozenset[str]
) -> DescribedTable:
    made = marks.of(table.name)
    if told is None or made is None or made.revision not in applied:
        return table
    columns = {one.name: one for one in told.columns}
    indexes = {replace(one, place=NOWHERE): one.place for one in told.indexes}
    checks = {replace(one, place=NOWHERE): one.place for one in told.checks}
    return replace(
        table,
        place=made.place,
        columns=tuple(_live_column(one, columns.get(one.name)) for one in table.columns),
        indexes=tuple(replace(one, place=indexes.get(one, NOWHERE)) for one in table.indexes),
        checks=tuple(replace(one, place=checks.get(one, NOWHERE)) for one in table.checks),
    )


def _live_column(column: DescribedColumn, told: DescribedColumn | None) -> DescribedColumn:
    """With the history's place where it is as the history has it."""
    same = told is not None and replace(told, place=NOWHERE) == column
    return replace(column, place=told.place) if told is not None and same else column
