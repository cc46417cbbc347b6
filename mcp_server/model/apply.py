"""What an apply is going to do to a database: computed first, agreed to by its hash, then done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.names import split
from mcp_server.model.orm import Revision
from mcp_server.model.rehearsal_record import RehearsalRecord


@dataclass(frozen=True, slots=True)
class ApplyStep:
    """A pending revision, and the record of its rehearsal."""

    revision: Revision
    record: RehearsalRecord


@dataclass(frozen=True, slots=True)
class Leftover:
    """What an apply that did not come to its end left of the first step: some of its changes stand, its mark does not.

    way: "finish": its statements may be run again; "mark": all stands, only the mark is missing; "revert": `undo` leads
    back, tried on a copy; "by hand": nobody can tell from the schema. stands, open: the changes that are there, and those
    that are not, as text. destroys: what `undo` drops that may hold rows or values by now.
    """

    way: Literal["finish", "mark", "revert", "by hand"]
    stands: tuple[str, ...]
    open: tuple[str, ...]
    undo: tuple[str, ...] = ()
    destroys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApplyPlan:
    """Revisions to be run on one database, in order.

    target: the word. place: host, port and database. label: the same for people. heads: what it is marked with.
    """

    target: str
    place: tuple[str, int, str]
    label: str
    server_version: int
    heads: tuple[str, ...]
    steps: tuple[ApplyStep, ...]
    leftover: Leftover | None = None
    notes: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """16 hex digits over the database, where it stands, and exactly what would run."""
        parts = [repr((self.place, self.server_version // 10_000, self.heads))]
        for step in self.steps:
            record = step.record
            seen = record.before, record.after, record.statements, record.repeatable
            parts.append(repr((record.revision, record.sha256, record.environment, *seen)))
        if self.leftover is not None:
            parts.append(repr((self.leftover.way, self.leftover.undo)))
        return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()[:16]

    @property
    def destroys(self) -> tuple[str, ...]:
        """Every object whose rows or values are lost."""
        undone = self.leftover.destroys if self.leftover is not None else ()
        return tuple(dict.fromkeys((*undone, *(name for step in self.steps for name in step.record.destroys))))

    def unconfirmed(self, confirm: tuple[str, ...]) -> tuple[str, ...]:
        """Those that were not named. `task.due` names `public.task.due`."""
        named = {split(name) for name in confirm}
        return tuple(
            name
            for name in self.destroys
            if split(name) not in named and not (split(name)[:1] == ("public",) and split(name)[1:] in named)
        )


@dataclass(frozen=True, slots=True)
class Stop:
    """Why an apply ended early. revision: the one that it ended at. message, hint: what went wrong, and the next step.

    state: where the database is now, one sentence each. stays: statements that ran outside of a transaction.
    way_back: what leads back to where the revision began, statements or words.
    """

    revision: str
    message: str
    hint: str = ""
    state: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    way_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an apply went. applied: revisions that the database is marked with now and was not before.

    tries: how often a revision was tried, where that was more than once.
    """

    applied: tuple[str, ...]
    statements: int
    milliseconds: int
    tries: tuple[tuple[str, int], ...] = ()
    stop: Stop | None = None
