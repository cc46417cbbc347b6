"""A statement with all that its rules judge: the plan, what it compares, what its text asks for, its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mcp_server.model.condition import Comparison
from mcp_server.model.names import qualified
from mcp_server.model.query import PlanNode, QueryPlan
from mcp_server.model.schema import Column, Index, Schema
from mcp_server.model.usage import RelationUsage, Usage


@dataclass(frozen=True, slots=True)
class Ordered:
    """One item of ORDER BY. text: the expression as SQL; table, column: when it is a column as written, table its qualifier.

    nulls_first: as it holds, also where the text leaves it to the default.
    """

    text: str
    descending: bool = False
    nulls_first: bool = False
    table: str = ""
    column: str = ""


@dataclass(frozen=True, slots=True)
class LeftJoined:
    """A table joined by LEFT JOIN. mentioned: whether anything but its own ON names it."""

    table: str
    alias: str
    mentioned: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the text of a statement asks for, at its top level unless said otherwise.

    limit, offset: as SQL, "" without. counts_all: it is `select count(*) from …` and no more. not_in_query: a NOT IN
    (select …) stands anywhere. longest_list: values in the longest list of literals, as IN or ARRAY, anywhere. optional:
    conditions like `$1 is null or c = $1`, as SQL. locks: FOR UPDATE and its like. called: names of functions, anywhere. tables, aliases: what FROM names, and as
    what. unpageable: why a row of the result does not stand for one row of each table, "" when it does.
    """

    selects_all: bool = False
    distinct: bool = False
    grouped: bool = False
    order: tuple[Ordered, ...] = ()
    limit: str = ""
    offset: str = ""
    has_where: bool = False
    counts_all: bool = False
    not_in_query: bool = False
    removes_doubles_of_union: bool = False
    longest_list: int = 0
    optional: tuple[str, ...] = ()
    locks: bool = False
    called: frozenset[str] = frozenset()
    tables: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    unpageable: str = ""
    left_joined: tuple[LeftJoined, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnStatistics:
    """What ANALYZE knows of a column. distinct: number of values, negative for a part of the rows, 0 unknown.

    nulls: part of the rows. width: bytes. correlation: of the values with the order on disk, None when unknown.
    """

    distinct: float = 0.0
    nulls: float = 0.0
    width: int = 0
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class TablePages:
    """Blocks of 8 kB of a table's heap, how many of them are all-visible, and the changes since the last ANALYZE."""

    pages: int = 0
    visible: int = 0
    changed: int = 0


@dataclass(frozen=True)
class Examined:
    """One statement and all that is known of it.

    comparisons: of every node. generic: the plan for any values, where the statement was explained for given ones.
    schema: the tables of the plan, partitioned parents not among them. columns: statistics by (table, column), pages by
    table, both by identity. unknown: the tables without gathered statistics, as people write them. parallel_unsafe: functions
    of users that forbid parallel work, (name, signature). extensions: those that
    are installed. version: server_version_num. Without slots, so that what many rules ask is worked out once.
    """

    sql: str
    kind: str
    plan: QueryPlan
    comparisons: tuple[Comparison, ...] = ()
    asked: Asked = field(default_factory=Asked)
    generic: QueryPlan | None = None
    schema: Schema = field(default_factory=lambda: Schema({}))
    usage: Usage = field(default_factory=Usage)
    columns: Mapping[tuple[str, str], ColumnStatistics] = field(default_factory=dict)
    pages: Mapping[str, TablePages] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    parallel_unsafe: tuple[tuple[str, str], ...] = ()
    extensions: frozenset[str] = frozenset()
    version: int = 0

    def of_node(self, node: PlanNode, *kinds: str) -> tuple[Comparison, ...]:
        """The conditions of a node, of some kinds or of all."""
        return tuple(one for one in self._of_nodes.get(node.number, ()) if not kinds or one.kind in kinds)

    def rows_of(self, node: PlanNode) -> int:
        """The planner's estimate of the rows of a scan's table, 0 when nothing was ever counted."""
        used = self.relation_usage(node)
        return (used.rows or 0) if used else 0

    def relation_usage(self, node: PlanNode) -> RelationUsage | None:
        """The usage of a scan's table."""
        return self.usage.relations.get(table_of(node))

    def column(self, table: str, name: str) -> Column | None:
        """A column by its table's identity."""
        return next((one for one in self.schema.on(table, Column) if one.name == name), None)

    def indexes(self, table: str) -> tuple[Index, ...]:
        """The valid indexes of a table by its identity."""
        return tuple(one for one in self.schema.on(table, Index) if one.valid)

    def statistics(self, table: str, name: str) -> ColumnStatistics:
        """What ANALYZE knows of a column; nothing known is a value too."""
        return self.columns.get((table, name), ColumnStatistics())

    @cached_property
    def _of_nodes(self) -> dict[int, list[Comparison]]:
        found: dict[int, list[Comparison]] = {}
        for one in self.comparisons:
            found.setdefault(one.node, []).append(one)
        return found

    def parents(self) -> dict[int, PlanNode]:
        """The node above each, by number; the root has none."""
        return {child.number: node for node in self.plan.nodes() for child in node.children}

    def scans(self, *types: str) -> Iterator[PlanNode]:
        """The nodes of some types that ran, or all of them when nothing ran."""
        for node in self.plan.nodes():
            if node.type in types and (node.executed or not self.plan.analyzed):
                yield node


def table_of(node: PlanNode) -> str:
    """The identity of a scan's table, "" for a node that reads none."""
    return qualified(node.schema, node.relation) if node.relation and node.schema else ""
