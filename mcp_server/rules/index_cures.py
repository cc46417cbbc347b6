"""The index that a scan lacks: what its conditions seek, in the order that a B-tree wants.

Columns that are compared for equality come first, then one range or the columns of the sort: behind the first range an
index only filters. https://www.postgresql.org/docs/current/indexes-multicolumn.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mcp_server.model.condition import Comparison, Side
from mcp_server.model.examined import Examined, Ordered, table_of
from mcp_server.model.names import quote
from mcp_server.model.query import PlanNode
from mcp_server.model.schema import Index

MANY = 10_000
SELECTIVE = 0.1
WORTH = 0.1
SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan")
# An index that answers for its table: of few columns, at most this part of the table, whose pages are nearly all visible.
# An entry has 8 bytes of head, 4 of pointer, and 4 for alignment.
COLUMNS, NARROW, VISIBLE, ENTRY = 4, 0.25, 0.9, 16
_WORD = re.compile(r"\w+")
# Types whose values pass as text without any work, so that an index on the column still serves.
_TEXT_ALREADY = ("character varying", "text")


def looked_at(examined: Examined, node: PlanNode) -> float:
    """Rows that a scan looked at, over all loops; those of its table when nothing was measured."""
    if examined.plan.analyzed:
        return node.rows + node.removed_rows
    return float(max(examined.rows_of(node), node.expected_rows))


def kept(examined: Examined, node: PlanNode) -> float:
    """The part of the rows looked at that a scan returns."""
    looked = looked_at(examined, node)
    rows = node.rows if examined.plan.analyzed else node.expected_rows
    return min(rows / looked, 1.0) if looked else 1.0


def is_selective(examined: Examined, node: PlanNode) -> bool:
    """Whether a scan throws away so many rows, and nearly all, that seeking them would save a good part of the time."""
    thrown = looked_at(examined, node) * (1 - kept(examined, node))
    return thrown >= MANY and kept(examined, node) <= SELECTIVE and examined.plan.share(node) >= WORTH


def saving(examined: Examined, node: PlanNode) -> float:
    """The part of the whole time that a scan spends on rows that it throws away."""
    return examined.plan.share(node) * (1 - kept(examined, node))


def plain_column(examined: Examined, node: PlanNode, side: Side) -> str:
    """The column of the node's table that a side is, bare or only read as text; "" for anything else."""
    if not side.column or side.alias not in ("", node.alias, node.relation):
        return ""
    if side.shape == "column":
        return side.column
    column = examined.column(table_of(node), side.column)
    as_text = side.shape == "cast" and side.word == "text" and column is not None
    return side.column if as_text and column and column.type.startswith(_TEXT_ALREADY) else ""


def sought(examined: Examined, node: PlanNode, comparisons: Iterable[Comparison]) -> Iterator[tuple[str, Comparison]]:
    """The columns of a node's table that comparisons seek by equality or range, with the comparison."""
    for one in comparisons:
        if not (one.is_equality or one.is_range):
            continue
        name = plain_column(examined, node, one.left)
        if not name and one.operator == "=":
            name = plain_column(examined, node, one.right)
        if name:
            yield name, one


def index_columns(
    examined: Examined, node: PlanNode, comparisons: Iterable[Comparison], order: Iterable[Ordered] = ()
) -> tuple[str, ...]:
    """The keys of the index that serves comparisons and, where no range stands before it, an order; () for none."""
    found = list(sought(examined, node, comparisons))
    equal = list(dict.fromkeys(name for name, one in found if one.is_equality))
    equal.sort(key=lambda name: -_values(examined, node, name))
    ranged = [name for name, one in found if one.is_range and name not in equal]
    keys = [quote(name) for name in equal]
    sort = [item for item in order if item.column not in equal]
    if sort:
        keys += [f"{quote(item.column)}{' desc' if item.descending else ''}{_nulls(item)}" for item in sort]
    elif ranged:
        keys.append(quote(ranged[0]))
    return tuple(keys)


def new_index(examined: Examined, node: PlanNode, keys: tuple[str, ...], include: tuple[str, ...] = ()) -> str:
    """CREATE INDEX for keys, "" when there are none or an index has them already."""
    table = table_of(node)
    if not keys or not table or any(_has(index, keys, include) for index in examined.indexes(table)):
        return ""
    included = f" include ({', '.join(map(quote, include))})" if include else ""
    return f"create index concurrently on {table} ({', '.join(keys)}){included};"


def covering_index(examined: Examined, group: PlanNode, scan: PlanNode) -> str:
    """The index that holds all that a group over a whole table needs, "" when it would not be far smaller than the table."""
    table = table_of(scan)
    keys = [text.removeprefix(f"{scan.alias}.") for text in group.condition("Group Key").split(", ") if text]
    known = {column for name, column in examined.columns if name == table}
    pages, rows = examined.pages.get(table), examined.rows_of(scan)
    needed = known & set(_WORD.findall(" ".join((*group.outputs, *(one.text for one in group.conditions)))))
    if not keys or not set(keys) <= known or not pages or not rows or scan.condition("Filter"):
        return ""
    width = ENTRY + sum(examined.statistics(table, name).width for name in needed)
    if len(needed) > COLUMNS or width * rows > NARROW * pages.pages * 8192 or pages.visible < VISIBLE * pages.pages:
        return ""
    return new_index(examined, scan, tuple(map(quote, keys)), tuple(sorted(needed - set(keys))))


def without_alias(side: Side) -> str:
    """A side as an expression over its own table: what an index is made on."""
    prefix = f"{quote(side.alias)}." if side.alias else ""
    return side.text.replace(prefix, "") if prefix else side.text


def sorts_of(examined: Examined, node: PlanNode) -> tuple[Ordered, ...]:
    """The ORDER BY of the statement when all of it are columns of a node's table, else ()."""
    order = examined.asked.order
    mine = (node.alias, node.relation, "")
    known = {column for table, column in examined.columns if table == table_of(node)}
    return order if order and all(item.column in known and item.table in mine for item in order) else ()


def _nulls(item: Ordered) -> str:
    if item.nulls_first == item.descending:
        return ""
    return " nulls first" if item.nulls_first else " nulls last"


def _has(index: Index, keys: tuple[str, ...], include: tuple[str, ...]) -> bool:
    plain = tuple(key.lower() for key in index.keys)
    return plain[: len(keys)] == keys and set(include) <= {*index.include, *index.columns} and not index.predicate


def _values(examined: Examined, node: PlanNode, column: str) -> float:
    """How many values a column has, by its statistics."""
    distinct = examined.statistics(table_of(node), column).distinct
    return distinct if distinct >= 0 else -distinct * max(examined.rows_of(node), 1)
