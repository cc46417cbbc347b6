"""Where sources disagree: equal in meaning is no disagreement, and neither is what one of them leaves open.

Equal in meaning: TEXT and VARCHAR without a length; a bound by a check and by VARCHAR(n); a unique index and UNIQUE; names of
indexes, keys and checks; SERIAL and identity; a native enum and text with a check of the same values; a default that
Python gives and the same one in the database where no other writer would miss it; a table that others own and nobody models.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from mcp_server.model.described import Described, DescribedColumn, DescribedTable
from mcp_server.model.drift_columns import Difference, Harm, compare_columns
from mcp_server.model.drift_defaults import compare_defaults
from mcp_server.model.drift_keys import compare_checks, compare_indexes
from mcp_server.model.orm import Place
from mcp_server.model.spec import NOWHERE, alike

HARMS: tuple[Harm, ...] = ("breaking", "integrity", "performance", "cosmetic")
Side = Literal["spec", "models", "migrations", "live"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What one source says. word: the source. text: "" when it has no such thing."""

    word: str
    text: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One disagreement. kind: as in Difference, with "missing" for what the first source has and "extra" for what it has not.

    table, column: as the first source that has them names them; column: of an index its keys, "" for the table itself.
    cells: of every source that speaks of it. change: the source to change by default, and how.
    """

    kind: str
    table: str
    column: str
    harm: Harm
    cells: tuple[Cell, ...]
    change: str = ""
    how: str = ""

    def cell(self, word: str) -> Cell | None:
        """What a source says, None when it says nothing."""
        return next((one for one in self.cells if one.word == word), None)


def compare(sources: Sequence[Described], left_out: Iterable[str] = ()) -> tuple[Disagreement, ...]:
    """Every disagreement between any two of the sources, each once, the most harmful first.

    sources: in the order of authority. left_out: tables that migrations leave to others; only spec and models are held
    against each other for them.
    """
    found: dict[tuple[str, ...], Disagreement] = {}
    for pair in combinations(sources, 2):
        left, right = (_without(one, pair, frozenset(left_out)) for one in pair)
        for one in _pair(left, right):
            key = _subject_of(one)
            known = found.get(key)
            found[key] = _joined(known, one) if known else one
    order = {word.word: rank for rank, word in enumerate(sources)}
    listed = (_complete(one, sources, order) for one in found.values())
    return tuple(sorted(listed, key=lambda one: (HARMS.index(one.harm), alike(one.table), one.column, one.kind)))


def _without(source: Described, pair: tuple[Described, Described], left_out: frozenset[str]) -> Described:
    """The source without tables that migrations leave to others, unless both of the pair only state what is meant."""
    if not left_out or all(one.word.partition(":")[0] in ("spec", "models") for one in pair):
        return source
    return replace(source, tables=tuple(one for one in source.tables if one.name not in left_out))


def _subject_of(one: Disagreement) -> tuple[str, ...]:
    """What a disagreement is about: the same between any two sources. Several checks may be missing at one column."""
    kind = one.kind.partition(" ")[0] if one.kind.startswith(("table", "column")) else one.kind
    check = next((cell.text for cell in one.cells if cell.text), "") if kind.startswith("check") else ""
    return (kind, alike(one.table), one.column.lower(), check)


def _joined(known: Disagreement, other: Disagreement) -> Disagreement:
    told = {cell.word for cell in known.cells}
    cells = known.cells + tuple(cell for cell in other.cells if cell.word not in told)
    harm = min(known.harm, other.harm, key=HARMS.index)
    return Disagreement(known.kind, known.table, known.column, harm, cells, known.change, known.how)


def _complete(one: Disagreement, sources: Sequence[Described], order: dict[str, int]) -> Disagreement:
    """With its cells in the order of the sources."""
    cells = tuple(sorted(one.cells, key=lambda cell: order[cell.word]))
    return Disagreement(one.kind, one.table, one.column, one.harm, cells, one.change, one.how)


def _pair(left: Described, right: Described) -> Iterator[Disagreement]:
    for mine, theirs in pairs_of(left.tables, right.tables):
        if mine and theirs:
            yield from _tables(mine, theirs, left, right)
        elif mine:
            if not mine.external and not mine.weak and not right.incremental:
                harm: Harm = "breaking"
                yield _told(
                    "table missing", mine, "", Difference("", harm, f"{len(mine.columns)} columns", ""), left, right
                )
        elif theirs and not left.incremental and not theirs.external:
            yield _told("table extra", theirs, "", Difference("", "cosmetic", "", _listed(theirs)), left, right)


def _listed(table: DescribedTable) -> str:
    return f"{len(table.columns)} columns"


def pairs_of(
    left: Iterable[DescribedTable], right: Iterable[DescribedTable]
) -> Iterator[tuple[DescribedTable | None, DescribedTable | None]]:
    """The tables of two sources that are one: by name, else by what their names have in common."""
    rest = {one.name: one for one in right}
    others: list[DescribedTable] = []
    for mine in left:
        theirs = rest.pop(mine.name, None)
        if theirs:
            yield mine, theirs
        else:
            others.append(mine)
    for mine in others:
        name = next((name for name in rest if alike(name) == alike(mine.name)), None)
        yield mine, rest.pop(name) if name is not None else None
    for theirs in rest.values():
        yield None, theirs


def _tables(mine: DescribedTable, theirs: DescribedTable, left: Described, right: Described) -> Iterator[Disagreement]:
    if mine.external and not mine.columns:
        told = Difference("", "integrity", f"managed by {mine.owner or 'others'}", _listed(theirs))
        yield _told("table extra", theirs, "", told, left, right)
        return
    if mine.named and theirs.named and mine.name != theirs.name:
        yield _told("table renamed", mine, "", Difference("", "breaking", mine.name, theirs.name), left, right, theirs)
    if mine.weak or theirs.weak:
        return
    yield from _columns(mine, theirs, left, right)
    for column, one in (*compare_indexes(mine, theirs, left, right), *compare_checks(mine, theirs, left, right)):
        yield _told(one.kind, mine, column, one, left, right, theirs)


def _columns(mine: DescribedTable, theirs: DescribedTable, left: Described, right: Described) -> Iterator[Disagreement]:
    for column in mine.columns:
        other = theirs.column(column.name)
        if other is None:
            missing = Difference("", _harm_of_absence(column), _worded(column), "", column.place, theirs.place)
            yield _told("column missing", mine, column.name, missing, left, right, theirs)
            continue
        found = tuple(compare_columns(column, other, mine, left, right))
        default = None if any(one.kind == "type" for one in found) else compare_defaults(column, other, left, right)
        for one in (*found, *((default,) if default else ())):
            yield _told(one.kind, mine, column.name, one, left, right, theirs)
    for other in theirs.columns:
        if mine.columns and not mine.partial and mine.column(other.name) is None:
            extra = Difference("", _harm_of_surplus(other), "", _worded(other), mine.place, other.place)
            yield _told("column extra", mine, other.name, extra, left, right, theirs)


def _worded(column: DescribedColumn) -> str:
    """`character varying(200) not null default 'x'`."""
    null = " not null" if column.nullable is False else ""
    default = f" default {column.default}" if column.default else ""
    return f"{column.written or 'type not said'}{null}{default}"


def _harm_of_absence(column: DescribedColumn) -> Harm:
    return "cosmetic" if column.nullable and column.silent and column.types[:1] == ("text",) else "breaking"


def _harm_of_surplus(column: DescribedColumn) -> Harm:
    if column.nullable is False and column.default is None and column.given is None and not column.primary_key:
        return "breaking" if column.references else "integrity"
    return "cosmetic"


def _told(
    kind: str,
    table: DescribedTable,
    column: str,
    one: Difference,
    left: Described,
    right: Described,
    other: DescribedTable | None = None,
) -> Disagreement:
    is_extra = kind == "table extra"
    mine = _place(one.left_place, None if is_extra else table, left, one.left)
    theirs = _place(one.right_place, other or (table if is_extra else None), right, "" if is_extra else one.right)
    cells = (Cell(left.word, one.left, mine), Cell(right.word, one.right, theirs))
    change, how = advised(kind, left.word.partition(":")[0], right.word.partition(":")[0], one)
    return Disagreement(kind, table.name, column, one.harm, cells, change, how)


def _place(own: Place, table: DescribedTable | None, source: Described, said: str) -> Place:
    """The place of what is said, else that of its table; but what a live table was made by did not make what is changed in it."""
    if own.file or table is None or (source.word == "live" and said):
        return own
    return table.place


def advised(kind: str, left: str, right: str, one: Difference) -> tuple[str, str]:
    """Which of two sources to change by default, and how. What stands earlier is meant; what only stands later is told there."""
    if kind in ("table extra", "column extra", "index extra") and one.harm in ("cosmetic", "performance"):
        target = left
    else:
        target = right
    ways = {
        "spec": "edit the spec: it does not say what is there",
        "models": "edit the models, then write a migration",
        "migrations": "write a migration: autogenerate_migration",
        "live": "apply the migrations: apply_migration",
    }
    return target, ways.get(target, f"change {target}")
