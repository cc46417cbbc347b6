"""A migration that was walked on a branch: real rows, real times, and where they stop it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from mcp_server.model.change import Changes
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.observation import Observed


@dataclass(frozen=True, slots=True)
class BranchStage:
    """One step of the walk. command: upgrade or downgrade. failure: why it ended early, "" when it did not; place: `file:line`."""

    command: str
    observed: tuple[Observed, ...] = ()
    failure: str = ""
    place: str = ""

    @property
    def milliseconds(self) -> float:
        """How long its statements took, all together."""
        return sum(one.milliseconds for one in self.observed)

    @property
    def slowest(self) -> Observed | None:
        """The statement that took longest."""
        return max(self.observed, key=lambda one: one.milliseconds, default=None)


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock that stops others, and for how many milliseconds at most it was held."""

    lock: Lock
    milliseconds: float


@dataclass(frozen=True, slots=True)
class BranchWalk:
    """branch, parent: by name. rows: the planner's estimate for all tables. stages: in order; the last may have failed.

    returned: what differs from the start after the downgrade, None when nobody went down. note: why nothing was walked, or
    what a reader should know. left: why a fresh branch is still there, "" when it is gone.
    """

    branch: str
    parent: str
    is_fresh: bool
    rows: int = 0
    stages: tuple[BranchStage, ...] = ()
    returned: Changes | None = None
    note: str = ""
    left: str = ""

    @property
    def failed(self) -> BranchStage | None:
        """The stage that did not come to its end."""
        return next((one for one in self.stages if one.failure), None)

    @property
    def held(self) -> tuple[HeldLock, ...]:
        """For each relation that stood before: how long the first upgrade kept others from it, the longest first."""
        found: dict[str, HeldLock] = {}
        for one in _held(self.stages[0].observed if self.stages else ()):
            known = found.get(one.lock.relation)
            if known is None or (one.milliseconds, MODES.index(one.lock.mode)) > (
                known.milliseconds,
                MODES.index(known.lock.mode),
            ):
                found[one.lock.relation] = one
        return tuple(sorted(found.values(), key=lambda one: -one.milliseconds))


def _held(observed: tuple[Observed, ...]) -> Iterator[HeldLock]:
    """Each blocking lock, from the statement that took it to the end of its transaction."""
    for _, together in groupby(observed, key=lambda one: one.transaction):
        group = list(together)
        for number, one in enumerate(group):
            rest = sum(later.milliseconds for later in group[number:])
            yield from (HeldLock(lock, rest) for lock in one.fresh if lock.is_blocking)


def walk_data(walk: BranchWalk) -> dict[str, object]:
    """The walk for programs."""
    return {
        "branch": walk.branch,
        "parent": walk.parent,
        "removed": walk.is_fresh and not walk.left,
        "rows": walk.rows,
        "stages": [
            {
                "command": one.command,
                "milliseconds": round(one.milliseconds, 1),
                "statements": len(one.observed),
                "failure": one.failure,
                "place": one.place,
            }
            for one in walk.stages
        ],
        "held": {
            one.lock.relation: {"mode": one.lock.mode, "milliseconds": round(one.milliseconds, 1)} for one in walk.held
        },
        "came_back": None if walk.returned is None else not walk.returned,
        "note": walk.note,
    }
