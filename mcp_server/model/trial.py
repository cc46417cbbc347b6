"""What came of trying something out: a statement measured as it is and as it would be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.model.query import QueryPlan

# A gain counts from here on: smaller ones are within what two runs differ by.
ENOUGH, ENOUGH_MS = 1.1, 0.05


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a statement. timeout_ms: the server's own limit for each run. known: all values are, so it can run.

    origin: `file:line` where the project makes the statement, "" when it was given as SQL. on: the branch to try on instead of a copy, "".
    """

    sql: str
    params: Sequence[Any]
    timeout_ms: int
    known: bool = True
    origin: str = ""
    on: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One way of asking. plan: of the quickest run, or an estimated one. runs: how often it was run, 0 for estimated."""

    label: str
    plan: QueryPlan
    runs: int = 0

    @property
    def milliseconds(self) -> float:
        """Time of the quickest run, without planning."""
        return self.plan.total_ms

    @property
    def figure(self) -> float:
        """What two ways are compared by: the time, or the cost where nothing was run."""
        return self.plan.total_ms if self.runs else self.plan.root.total_cost

    @property
    def blocks(self) -> int:
        """Blocks of 8 kB that were looked at, temporary files included; 0 when not run."""
        used = self.plan.root.buffers
        return used.shared_hit + used.shared_read + used.local_hit + used.temp_read if used else 0


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index that was built for a trial. size: bytes, measured, with its parts on partitions.

    oids, names: of the index and its parts. used: whether the plan afterwards has it. asked_aside: it has not, but what the
    statement sets off asked it: triggers, the checks of foreign keys, or functions.
    """

    sql: str
    name: str
    size: int
    oids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    used: bool = False
    asked_aside: bool = False

    def after(self, planned: Collection[str], asked: Collection[int]) -> BuiltIndex:
        """The same as the run afterwards shows it. planned: the indexes of its plan. asked: those that it asked, by OID."""
        used = any(name in planned for name in self.names)
        return replace(self, used=used, asked_aside=not used and any(oid in asked for oid in self.oids))


@dataclass(frozen=True, slots=True)
class Trial:
    """Before and after. where: on what it was tried, for people. equal: whether both returned the same rows, None when not
    compared; rows: how many each returned. difference: an example of a row that one alone returned. imagined: by what the
    indexes were made up for the planner, "HypoPG" or "statistics"; "" when they were built."""

    before: Measured
    after: Measured
    where: str
    indexes: tuple[BuiltIndex, ...] = ()
    equal: bool | None = None
    rows: tuple[int, int] = (0, 0)
    difference: str = ""
    imagined: str = ""

    @property
    def factor(self) -> float:
        """How many times quicker (cheaper, when not run) the second is; below 1 it is slower."""
        return self.before.figure / max(self.after.figure, 0.001)

    @property
    def passed_over(self) -> bool:
        """Whether indexes were built and nothing asked them: what the two times differ by is chance."""
        return bool(self.indexes) and not any(index.used or index.asked_aside for index in self.indexes)

    @property
    def helps(self) -> bool:
        """Whether the gain is one, by time saved and by its part, and by something that was built."""
        enough = self.factor >= ENOUGH and self.before.figure - self.after.figure >= ENOUGH_MS
        return enough and not self.passed_over
