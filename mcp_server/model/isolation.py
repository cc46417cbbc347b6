"""Whose a row is: how each table of a Schema reaches its owner, and what came of trying to reach the rows of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mcp_server.model.schema import Constraint, Policy, Schema, Table

Kind = Literal["direct", "reached", "user"]
Outcome = Literal["through", "held", "untried"]
Door = Literal[
    "read", "read without a user", "update", "take", "give away", "upsert", "delete", "insert", "refer", "truncate",
    "copy out", "copy in", "sequence", "view", "function",
]  # fmt: skip


def plain(name: str) -> str:
    """A name without what tells `user_id` from `userId`."""
    return name.replace("_", "").lower()


@dataclass(frozen=True, slots=True)
class Owned:
    """A table whose rows belong to users. kind: it has the owner's column, reaches a table that has, or is the users' own.

    column: the owner's column, of the table at the end of `path`; of the users' table its key. type: of that column.
    path: foreign keys from this table to the one that has the column, () for a table that has it itself.
    """

    table: str
    kind: Kind
    column: str
    type: str
    path: tuple[Constraint, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The table's own columns that say whose a row is."""
        return self.path[0].columns if self.path else (self.column,)


@dataclass(frozen=True)
class Ownership:
    """A Schema with the owner of its rows. owners: the names of the owner's column.

    user: the users' table, "" when the Schema has none; is_foreign: others own it, in the Schema or not.
    owned: parents before children, without partitions. shared: declared to be everybody's. unreached: the rest.
    ambiguous: tables that lead to users by several foreign keys, none of which is named.
    """

    schema: Schema
    owners: tuple[str, ...]
    user: str = ""
    is_foreign: bool = False
    owned: tuple[Owned, ...] = ()
    shared: tuple[str, ...] = ()
    external: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def of(self, table: str) -> Owned | None:
        """How a table reaches its owner, None when it does not."""
        return next((one for one in self.owned if one.table == table), None)

    @property
    def guarded(self) -> bool:
        """Whether the database itself keeps users apart anywhere: a table with row security, or a policy."""
        return (
            any(one.row_security for one in self.schema.all(Table)) or next(self.schema.all(Policy), None) is not None
        )

    def parts(self, table: str) -> tuple[str, ...]:
        """The tables below one that can be asked by themselves: partitions and heirs."""
        below = [one.identity for one in self.schema.all(Table) if table in (one.partition_of, *one.inherits)]
        return tuple(found for one in below for found in (one, *self.parts(one)))


@dataclass(frozen=True, slots=True)
class Passing:
    """A role that no policy holds back. why: what makes it so."""

    role: str
    why: Literal["is a superuser", "has BYPASSRLS"]
    used: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to the rows of another user that was tried. target: a table, view, function or sequence.

    detail: what came of it: how many rows, Postgres's words, or why it could not be tried.
    """

    door: Door
    target: str
    outcome: Outcome
    detail: str = ""
    role: str = ""


@dataclass(frozen=True)
class Attack:
    """All that was tried on a copy. subject: what was attacked. role: as whom, in words. settings: what names the user.

    ownership: of what was attacked, to find the policies that let something through.
    """

    subject: str
    ownership: Ownership
    attempts: tuple[Attempt, ...] = ()
    role: str = ""
    settings: tuple[str, ...] = ()
    passing: tuple[Passing, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def through(self, *doors: Door) -> tuple[Attempt, ...]:
        """What got through by these doors."""
        return tuple(one for one in self.attempts if one.outcome == "through" and one.door in doors)

    def count(self, outcome: Outcome) -> int:
        """How many attempts ended so."""
        return sum(one.outcome == outcome for one in self.attempts)
