"""What a plan says: QueryPlan and its nodes, read from EXPLAIN (FORMAT JSON) of PostgreSQL 14 to 18.

Times are milliseconds, costs the planner's units, sizes kB, rows may be fractions (averages per loop). Everything of
Postgres's that has no field of its own is kept under Postgres's name in `details`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression of a node, as Postgres deparsed it. kind: "Index Cond", "Filter", "Hash Cond", "Sort Key", …"""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Buffers:
    """Blocks of 8 kB, over all loops and processes, the node's children included. io_ms: reading and writing, if timed."""

    shared_hit: int = 0
    shared_read: int = 0
    shared_dirtied: int = 0
    shared_written: int = 0
    local_hit: int = 0
    local_read: int = 0
    temp_read: int = 0
    temp_written: int = 0
    io_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Actual:
    """What was measured; startup_ms, total_ms and rows are averages per loop. loops: over all processes."""

    startup_ms: float
    total_ms: float
    rows: float
    loops: int


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """One parallel worker's part of a node."""

    number: int
    rows: float
    loops: int
    total_ms: float


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One node of a plan.

    number: its place in the printed order, from 1. parent: how it hangs on its parent ("Outer", "Inner", "Member",
    "InitPlan", "SubPlan", …). subplan: the name of an InitPlan, SubPlan or CTE. processes: how many processes share its
    loops (leader and workers under a Gather, else 1). removed: rows thrown away per loop, by the condition's kind.
    may_stop_early: something above may stop asking, so fewer rows than expected mean nothing. exclusive_ms: its own
    part of the run time, None when not measured; exclusive_cost: its own part of the plan's cost; own_hit, own_read:
    its own blocks. The exclusive figures of all nodes add up to the root's (see charges.py).
    """

    number: int
    type: str
    relation: str = ""
    schema: str = ""
    alias: str = ""
    index: str = ""
    join: str = ""
    operation: str = ""
    strategy: str = ""
    partial_mode: str = ""
    direction: str = ""
    function: str = ""
    cte: str = ""
    parent: str = ""
    subplan: str = ""
    parallel: bool = False
    conditions: tuple[Condition, ...] = ()
    outputs: tuple[str, ...] = ()
    startup_cost: float = 0.0
    total_cost: float = 0.0
    expected_rows: float = 0.0
    width: int = 0
    actual: Actual | None = None
    processes: float = 1.0
    workers_planned: int = 0
    workers_launched: int = 0
    workers: tuple[WorkerRun, ...] = ()
    buffers: Buffers | None = None
    removed: tuple[tuple[str, float], ...] = ()
    may_stop_early: bool = False
    details: tuple[tuple[str, Scalar], ...] = ()
    exclusive_ms: float | None = None
    exclusive_cost: float = 0.0
    own_hit: int = 0
    own_read: int = 0
    children: tuple[PlanNode, ...] = ()

    def walk(self) -> Iterator[PlanNode]:
        """The node and everything below it, in the printed order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def detail(self, name: str) -> Scalar | None:
        """What Postgres says under a name that has no field here, e.g. "Heap Fetches"."""
        return next((value for key, value in self.details if key == name), None)

    def condition(self, kind: str) -> str:
        """The text of the condition of a kind, "" when there is none."""
        return next((condition.text for condition in self.conditions if condition.kind == kind), "")

    @property
    def executed(self) -> bool:
        """Whether it was run at all; False too when nothing was measured."""
        return self.actual is not None and self.actual.loops > 0

    @property
    def inclusive_ms(self) -> float:
        """Time of the node with all below it, over all loops, as the clock on the wall went."""
        if self.actual is None:
            return 0.0
        return self.actual.total_ms * self.actual.loops / self.processes

    @property
    def rows(self) -> float:
        """Rows returned over all loops and processes."""
        return self.actual.rows * self.actual.loops if self.actual else 0.0

    @property
    def expected(self) -> float:
        """Rows expected over all loops that were run; per loop when nothing was measured."""
        return self.expected_rows * self.actual.loops if self.executed and self.actual else self.expected_rows

    @property
    def removed_rows(self) -> float:
        """Rows thrown away by conditions over all loops."""
        return sum(count for _, count in self.removed) * (self.actual.loops if self.actual else 0)

    @property
    def misestimate(self) -> float:
        """How many times the rows of a loop differ from what was expected, at least 1; 1 when nothing can be said."""
        if not self.executed or self.actual is None:
            return 1.0
        if self.may_stop_early and self.actual.rows < self.expected_rows:
            return 1.0
        few, many = sorted((self.actual.rows, self.expected_rows))
        return max(many, 1.0) / max(few, 1.0)

    @property
    def spilled_kb(self) -> int:
        """kB written to disk for want of memory, by a sort or a hash or a stored result."""
        sort = self.detail("Sort Space Used") if self.detail("Sort Space Type") == "Disk" else 0
        stored = self.detail("Maximum Storage") if self.detail("Storage") == "Disk" else 0
        sizes = (sort, stored, self.detail("Disk Usage"))
        return max(int(size) for size in (*sizes, 0) if isinstance(size, int | float))


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that ran for the statement. constraint: the constraint it enforces, if it does."""

    name: str
    relation: str
    constraint: str
    ms: float
    calls: int


@dataclass(frozen=True, slots=True)
class Jit:
    """What compiling expressions cost."""

    functions: int
    total_ms: float
    options: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True)
class QueryPlan:
    """One plan. execution_ms is None when the statement was not run; settings: those that differ from the default.

    Without slots, so that the list of its nodes, which every rule walks, is made once.
    """

    root: PlanNode
    planning_ms: float | None = None
    execution_ms: float | None = None
    planning_memory_kb: int | None = None
    planning_buffers: Buffers | None = None
    triggers: tuple[Trigger, ...] = ()
    jit: Jit | None = None
    settings: tuple[tuple[str, str], ...] = ()
    query_id: int | None = None
    generic: bool = field(default=False)

    def nodes(self) -> Iterator[PlanNode]:
        """All nodes, in the printed order."""
        return iter(self._listed)

    @cached_property
    def _listed(self) -> tuple[PlanNode, ...]:
        return tuple(self.root.walk())

    @property
    def analyzed(self) -> bool:
        """Whether it was run and measured."""
        return self.execution_ms is not None

    @property
    def total_ms(self) -> float:
        """Time of the run: Postgres's Execution Time, which holds triggers and JIT as well as the nodes."""
        return self.execution_ms if self.execution_ms is not None else 0.0

    @property
    def costliest(self) -> PlanNode:
        """The node with the largest own part: of the time when measured, of the cost when not."""
        if self.analyzed:
            return max(self.nodes(), key=lambda node: node.exclusive_ms or 0.0)
        return max(self.nodes(), key=lambda node: node.exclusive_cost)

    def share(self, node: PlanNode) -> float:
        """The node's own part of the whole, 0 to 1: of the time when measured, of the cost when not."""
        whole = self.total_ms if self.analyzed else self.root.total_cost
        own = (node.exclusive_ms or 0.0) if self.analyzed else node.exclusive_cost
        return min(own / whole, 1.0) if whole > 0 else 0.0

    @property
    def rows_read(self) -> float:
        """Rows that scans of tables looked at, those that conditions threw away included."""
        scans = (node for node in self.nodes() if node.relation and node.type.endswith("Scan"))
        return sum(node.rows + node.removed_rows for node in scans)

    @property
    def worst_misestimate(self) -> PlanNode | None:
        """Where the planner went wrong first: the worst node that is 10 times off with no such node below it."""
        bad = {node.number: node for node in self.nodes() if _is_far_off(node)}
        lowest = [
            node for node in bad.values() if not any(below.number in bad for below in node.walk() if below is not node)
        ]
        return max(lowest, key=lambda node: node.misestimate, default=None)

    @property
    def relations(self) -> tuple[tuple[str, str], ...]:
        """The tables it touches, (schema, name), each once."""
        return tuple(dict.fromkeys((node.schema, node.relation) for node in self.nodes() if node.relation))


def _is_far_off(node: PlanNode) -> bool:
    # Bitmaps count no rows: https://www.postgresql.org/docs/current/using-explain.html#USING-EXPLAIN-CAVEATS
    return (
        node.type not in ("BitmapAnd", "BitmapOr") and node.misestimate >= 10 and max(node.rows, node.expected) >= 100
    )
