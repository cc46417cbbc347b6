"""What a revision's docstring tells about its phase: what it does, its class, its locks, how long it takes, what comes next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.change import Added, Renamed
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.phase import Phase
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Table, View

Class = Literal["safe", "safe with care", "requires downtime", "destructive"]
PURPOSES = {
    "expand": "adds what nobody uses yet",
    "online": "builds and proves while rows are read and written; it may be stopped and run again",
    "backfill": "writes values into rows in batches; it may be stopped and run again",
    "contract": "takes away what nobody uses any more, or makes final what was prepared",
}
SHOWN = 30
# Measured on two cores at a million rows (docs/safety.md); what a table's own width and load make of it is another matter.
LONG = (
    "as long as the table is large, while others go on: for each million rows about a second to prove a constraint, "
    "some seconds to build an index, half a minute to fill a column"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many phases a revision is."""

    number: int
    count: int


ALONE = Place(1, 1)


def risk_class(phase: Phase) -> Class:
    """The gravest of what a phase may do to those who use the database."""
    if phase.destructive:
        return "destructive"
    if phase.downtime:
        return "requires downtime"
    breaks = any(
        isinstance(one.change, Renamed) and isinstance(one.change.item, Table | Column) for one in phase.upgrade
    )
    return "safe with care" if breaks or phase.deploy or any(may_fail(one) for one in phase.upgrade) else "safe"


def may_fail(step: Step) -> bool:
    """Whether rows can make a statement fail."""
    return "fail" in step.why or step.why.startswith("NEEDS A DECISION")


def is_long(step: Step) -> bool:
    """Whether a statement outside of a transaction takes as long as the table is large."""
    sql = step.sql
    building = " CONCURRENTLY " in sql and sql.startswith("CREATE ")
    return not step.transactional and (building or " VALIDATE CONSTRAINT " in sql or sql.startswith("DO $backfill$"))


def locks(phase: Phase) -> tuple[str, ...]:
    """A line for each relation, lock and length: `public.task: AccessExclusiveLock, stops reads and writes, for a moment`."""
    found: dict[tuple[str, str, bool], None] = {}
    new = {step.change.item.identity for step in phase.upgrade if isinstance(step.change, Added)}
    for step in phase.upgrade:
        for relation, mode in taken(step):
            if relation not in new and MODES.index(mode) > MODES.index("AccessShareLock"):
                found[(relation, mode, is_long(step))] = None
    lines = [_lock(relation, mode, long) for relation, mode, long in sorted(found)]
    return tuple(lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN} more"])


def _lock(relation: str, mode: str, long: bool) -> str:
    stops = Lock(relation, mode).stops or "nobody who reads or writes"
    return f"{relation}: {mode}, stops {stops}, {'as long as the table is large' if long else 'for a moment'}"


def taken(step: Step) -> Iterator[tuple[str, str]]:
    """The relations that a statement locks, and how. A foreign key's other table is locked too."""
    item = step.change.item
    relation = item.identity if isinstance(item, Table | View) else str(getattr(item, "table", ""))
    if not step.lock or not relation:
        return
    yield relation, step.lock
    if isinstance(item, Constraint) and item.kind == "f" and item.references != relation:
        if " VALIDATE CONSTRAINT " in step.sql:
            yield item.references, "RowShareLock"
        elif isinstance(step.change, Added):
            yield item.references, "ShareRowExclusiveLock"
        else:
            yield item.references, step.lock


def durations(phase: Phase) -> list[str]:
    """How long it takes, by what it does."""
    if phase.downtime:
        return [
            "as long as the table is large, WHILE IT STANDS STILL: seconds for a million rows, minutes for a hundred"
        ]
    return [LONG] if any(is_long(step) for step in phase.upgrade) else ["a moment, whatever the tables hold"]


def lock_timeout(steps: Iterable[Step]) -> int:
    """Milliseconds to wait for a lock, so that all the tables of a transaction together stop others 3 s at most; 0 for none."""
    tables = {relation for step in steps for relation, mode in taken(step) if Lock(relation, mode).is_blocking}
    return max(3000 // len(tables), 200) if tables else 0


def spelled(milliseconds: int) -> str:
    """A time as Postgres reads it."""
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
