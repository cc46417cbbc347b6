"""How large an index will be, from statistics: what CREATE INDEX writes, page by page.

A B-tree's leaf pages are filled to 90 %. From PostgreSQL 13 on equal keys share one entry with a list of row addresses
(six bytes each), cut at a third of a page, where equality means the same bits and nothing is INCLUDEd.
https://www.postgresql.org/docs/current/btree.html#BTREE-DEDUPLICATION and nbtsort.c, nbtdedup.c, itup.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp

from mcp_server.model.candidate import Candidate
from mcp_server.model.workload import ColumnStatistics, TableStatistics

PAGE = 8192
# A page without its header (24) and its special space (16), filled to 90 %: the rest is left free.
_FREE = PAGE // 10
_LEAF = PAGE - 24 - 16 - _FREE
_POINTER, _TUPLE, _ADDRESS = 4, 8, 6
# BTMaxItemSize, of which posting lists may take all when they are built (nbtsort.c: maxpostingsize).
_POSTING = PAGE * 10 // 100 // 8 * 8 - 4
_EXPRESSION = ColumnStatistics("text", width=12.0, distinct=200.0)


def index_bytes(candidate: Candidate, table: TableStatistics, share: float = 1.0, groups: float | None = None) -> int:
    """The size that a fresh index will have, in bytes. share: of the rows, that a predicate leaves in it.

    groups: how many combinations of its keys there are, where somebody counted.
    """
    rows = table.rows * share
    if candidate.method == "brin":
        return PAGE * (3 + ceil(table.pages / 128 / 200))
    if candidate.method != "btree":
        return _inverted(candidate, table, rows)
    keys = [table.columns.get(name, _EXPRESSION) if name else _EXPRESSION for name in candidate.columns]
    others = [table.columns.get(name, _EXPRESSION) for name in candidate.include]
    entry = _POINTER + _TUPLE + _data(keys + others)
    shared = not others and all(key.sums_exactly for key in keys)
    empty = rows * keys[0].null_fraction if len(keys) == 1 and shared else 0.0
    combined = min(groups if groups is not None else combinations(keys, rows), max(rows, 1.0))
    leaves = _shared_leaves(rows - empty, combined - bool(empty), entry) if shared else _plain_leaves(rows, entry)
    leaves += _shared_leaves(empty, 1.0, _POINTER + 2 * _TUPLE) if empty >= 2 else 0.0
    above = leaves / max((PAGE - 40) * 0.7 / (_POINTER + _TUPLE + _data(keys)), 2.0)
    return PAGE * (1 + ceil(leaves) + (ceil(above * 1.01) if leaves > 1 else 0))


def combinations(columns: Sequence[ColumnStatistics], rows: float) -> float:
    """How many combinations of values some columns have: the product, thinned out where rows are few for so many.

    Of d possible combinations n rows drawn at random hold d * (1 - exp(-n / d)).
    """
    possible = 1.0
    for column in columns:
        possible *= max(column.distinct, 1.0) + (1.0 if column.null_fraction else 0.0)
    if len(columns) == 1 or not possible:
        return min(possible, rows)
    return possible * (1 - exp(-rows / possible)) if possible < rows * 50 else rows


def _data(columns: Sequence[ColumnStatistics]) -> float:
    """Bytes of the values of one entry, each where its type's alignment wants it, the whole a multiple of eight.

    Where lengths vary it is the average over values that were drawn: rounding up the average is not the average rounded up.
    """
    draws = max((len(column.widths) for column in columns), default=0) or 1
    total = sum(_entry(columns, draw) for draw in range(draws)) / draws
    return total + (8 if any(column.null_fraction > 0.5 for column in columns) else 0)


def _entry(columns: Sequence[ColumnStatistics], draw: int) -> int:
    """One entry; the values of its columns are drawn apart from each other."""
    place = 0.0
    for number, column in enumerate(columns):
        width = column.length if column.length > 0 else column.width
        if column.widths:
            width = column.widths[draw * (2 * number + 1) % len(column.widths)]
        is_short = column.length < 0 and width < 127  # a short header needs no alignment
        place = place if is_short else -(-place // column.align) * column.align
        place += width * (1 - column.null_fraction) if not column.widths else width
    return -(-ceil(place) // 8) * 8


def _plain_leaves(rows: float, entry: float) -> float:
    """Leaves of entries that hold one row each."""
    return rows / max(_LEAF / entry - 0.5 * (entry > 200), 1)


def _shared_leaves(rows: float, groups: float, entry: float) -> float:
    """Leaves where the rows of one key share an entry; a long list is cut into several."""
    each = rows / max(groups, 1.0)
    if each < 1.05:
        return _plain_leaves(rows, entry)
    room = max((_POSTING - entry) // _ADDRESS, 1)
    full, rest = divmod(each, room)
    # Keys are not equally frequent: groups of one row keep the plain form, so the average is taken over a spread.
    size = full * _list(entry, room) + (_list(entry, rest) if rest >= 1 else 0)
    if each < room:
        size = _spread(each, entry)
    return groups * size / (_LEAF - size / max(full + 1, 1) / 2)


def _spread(each: float, entry: float) -> float:
    """The expected bytes of a key's entry when its rows were drawn at random: a Poisson count that is at least 1."""
    if each > 40:
        return _list(entry, each)
    rate = each
    for _ in range(20):  # rate / (1 - exp(-rate)) is the average of such counts
        rate = each * (1 - exp(-rate))
    chance, total = exp(-rate), 0.0
    none = chance
    for count in range(1, int(each * 4) + 12):
        chance *= rate / count
        total += chance * _list(entry, count)
    return total / (1 - none)


def _list(entry: float, rows: float) -> float:
    """Bytes of an entry with the addresses of some rows."""
    if rows < 2:
        return entry
    return -(-(entry - _POINTER + _ADDRESS * rows) // 8) * 8 + _POINTER


def _inverted(candidate: Candidate, table: TableStatistics, rows: float) -> int:
    """GIN and GiST: by the width of what they take apart. A rough figure; the built one counts."""
    names = candidate.columns
    width = sum(table.columns.get(name, _EXPRESSION).width for name in names)
    each = (
        4.0 * width if "trgm" in "".join(candidate.keys) else 0.7 * width if candidate.method == "gin" else width + 20
    )
    return int(rows * each) + 4 * PAGE
