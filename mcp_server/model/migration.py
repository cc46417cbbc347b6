"""A migration that was drafted: what it would do, what it leaves alone, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_server.model.observation import Rows
from mcp_server.model.phase import Phase
from mcp_server.model.plan import Plan
from mcp_server.model.schema import (
    DefaultPrivilege,
    EventTrigger,
    Extension,
    Grant,
    Publication,
    Schema,
    SchemaObject,
)


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays as the history made it. item: as it was. fields: those that stay, () for the whole object."""

    item: SchemaObject
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """A table or column that the models lack and that stays all the same. holders: what stands on it."""

    word: str
    identity: str
    holders: tuple[str, ...]


_BEYOND_OWNERS = (Extension, EventTrigger, Publication, Grant, DefaultPrivilege)


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan between two source words, with all that was found on the way.

    before, after: the Schemas that it leads from and to, compared without `aside` (relations that others own, or that
    follow their parents, or that env.py leaves out). stand_ins: statements that make what others own and the goal refers to.
    source, goal: the words. kept, held: what stays although the goal does not state it.
    phases: the plan as revisions, in order. losses: sentences on what the upgrade gives up. warnings: on what it leaves broken. likely: drops and adds that look like renames, as `renames` takes them.
    strangers: what the source has that neither the goal nor the project's history knows: it stays. unread: why the history is not known, "" when it is.
    left_out: tables, and other parts after their word, that env.py's `filters` leave out. unasked: its filters that could not be asked, and why, "" for none.
    """

    source: str
    goal: str
    before: Schema
    after: Schema
    plan: Plan
    aside: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    held: tuple[Held, ...] = ()
    losses: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    likely: Mapping[str, str] = field(default_factory=dict)
    phases: tuple[Phase, ...] = ()
    strangers: tuple[str, ...] = ()
    unread: str = ""
    left_out: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    unasked: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.plan.upgrade and not self.plan.residue

    @property
    def is_owners(self) -> bool:
        """Whether a role that owns the database and nothing else may do all of it, and come to the same end."""
        steps = (*self.plan.upgrade, *self.plan.downgrade)
        return not any(isinstance(step.change.item, _BEYOND_OWNERS) or " OWNER TO " in step.sql for step in steps)


@dataclass(frozen=True, slots=True)
class WrittenPhase:
    """A revision of those that were written. file: relative to the project."""

    revision: str
    file: str
    phase: Phase


@dataclass(frozen=True, slots=True)
class Written:
    """Revisions that passed their rehearsal. revision: the last one's id. parent: what the first one follows.

    files: paths relative to the project, the revisions last, in order; text: the revisions' content. phases: each of them.
    is_written: whether they are in the project. server_version: of the Postgres it was rehearsed on, as 180004.
    statements: how many ran, all three walks together. together: Alembic would run them in one transaction.
    plainly: why they are not in their safe forms, "" when they are. rows: what became of generated rows; data_fault:
    what such rows keep the migration from, "" for nothing.
    """

    revision: str
    parent: str
    files: tuple[str, ...]
    text: str
    is_written: bool
    server_version: int
    statements: int
    milliseconds: int
    phases: tuple[WrittenPhase, ...] = ()
    together: bool = False
    plainly: str = ""
    rows: Rows | None = None
    data_fault: str = ""
