"""What a database is asked: statements with their weight, and how each of them uses each table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Order = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One statement of a workload.

    name: as answers call it, `q1`. text: with `$n` alone. calls: how often it ran, total_ms: how long in all, as far as
    known; 1 and None when it was merely given. runnable: the text with values in the place of `$n`, "" before any were
    found; others: the same with other values. is_reading: whether these are what a writing statement reads, not itself.
    """

    name: str
    text: str
    calls: float = 1.0
    total_ms: float | None = None
    runnable: str = ""
    others: tuple[str, ...] = ()
    is_reading: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """Statements and where they come from. notes: what is to be known of them, a sentence each, what was left out too."""

    queries: tuple[Query, ...]
    origin: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableUse:
    """How one statement uses one table, or one arm of an OR does. Columns by their plain names.

    equal: compared with a value or a parameter. among: IN. ranges: <, >, BETWEEN. joins: equal to another table's
    columns. order: (column, way) of a sort of this table alone, way as SQL has it, "" for ascending, "DESC NULLS LAST"; group: of a GROUP BY or DISTINCT. ends: min() or
    max(). prefixes: LIKE 'x%'; infixes: other patterns, ILIKE, regular expressions. contains: (column, operator) of what
    only an inverted or a space-dividing index serves. expressions: (SQL, "=" or "<"). predicates: (column, SQL, kind)
    that hold no parameter, kind "null", "equal" (a boolean), "columns", "constant", or "value" (a constant that may be of one run). needed: every column that the statement reads. whole_row:
    whether that is unknown. limited: a LIMIT stands above. arms: of an OR, each as a use of its own.
    """

    query: str
    table: str
    equal: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    order: Order = ()
    group: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    infixes: tuple[str, ...] = ()
    contains: tuple[tuple[str, str], ...] = ()
    expressions: tuple[tuple[str, str], ...] = ()
    predicates: tuple[tuple[str, str, str], ...] = ()
    needed: tuple[str, ...] = ()
    whole_row: bool = False
    limited: bool = False
    arms: tuple[TableUse, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What ANALYZE found of a column.

    type: as format_type() has it. length: of the type, -1 for one that varies. align: bytes. width: of the average value.
    distinct: values, as a count. common: (value, part of the rows). bounds: of its histogram. sums_exactly: equal values
    are equal in every bit, so that an index may store them once. widths: bytes of values drawn evenly, () where the average
    tells it all.
    """

    type: str
    length: int = -1
    align: int = 4
    width: float = 16.0
    null_fraction: float = 0.0
    distinct: float = 1.0
    correlation: float = 0.0
    common: tuple[tuple[str, float], ...] = ()
    bounds: tuple[str, ...] = ()
    sums_exactly: bool = True
    widths: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TableStatistics:
    """What the planner knows of a table. pages: of 8 kB. partitioned: all is the sum of its partitions. inserted, updated, deleted: rows, since the counters were reset."""

    table: str
    rows: float
    pages: int
    all_visible: int = 0
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    partitioned: bool = False
