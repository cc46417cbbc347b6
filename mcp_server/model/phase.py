"""Phases: what of a plan may happen at once, and what only after something else, each an Alembic revision of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.plan import Step

PhaseName = Literal["expand", "online", "backfill", "contract"]
# Rows by the identity of a table. A table that is not named counts as large: nobody knows better.
Sizes = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a plan that is one revision.

    Each direction is either one transaction of statements that are over at once, or a run of statements outside of any
    transaction, each of which may be repeated after a failure: never both, because Alembic commits in the middle and a
    second run would stumble over the first half. Which of the two: `transactional` of its steps.

    name: "expand" adds what nobody uses yet; "online" builds and proves while rows are read and written; "backfill"
    writes values into rows; "contract" takes away what nobody uses any more. deploy: what the application has to do
    before the next phase, "" when it has nothing to do. downtime: what has no form that keeps readers and writers
    going, a sentence for each with what it costs; downtime_back: the same of the downgrade. again: why the downgrade does nothing, "" when it does something.
    """

    name: PhaseName
    upgrade: tuple[Step, ...]
    downgrade: tuple[Step, ...]
    deploy: str = ""
    downtime: tuple[str, ...] = ()
    again: str = ""
    downtime_back: tuple[str, ...] = ()

    @property
    def destructive(self) -> tuple[Step, ...]:
        """The upgrade's steps that lose rows or values."""
        return tuple(step for step in self.upgrade if step.destructive)


def is_transactional(steps: tuple[Step, ...]) -> bool:
    """Whether one direction of a phase is a single transaction; an empty one is."""
    return all(step.transactional for step in steps)
