"""A plan: ordered statements that lead from one Schema to another, and back."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mcp_server.model.change import Change
from mcp_server.model.schema import SchemaObject


@dataclass(frozen=True, slots=True)
class Step:
    """One statement.

    sql: without the closing semicolon. change: what it carries out. parts: further objects that the same
    statement makes (the columns and constraints inside a CREATE TABLE). fields: of an Altered, those that
    this statement settles. destructive: rows or values are lost. transactional: may run in a transaction.
    lock: the strongest lock it takes, as Postgres names it, "" when none matters. why: one sentence.
    """

    sql: str
    change: Change
    parts: tuple[SchemaObject, ...] = ()
    fields: tuple[str, ...] = ()
    destructive: bool = False
    transactional: bool = True
    lock: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Residue:
    """A change that has no recipe, and why."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Statements up and down between two Schemas, named by their fingerprints."""

    before: str
    after: str
    upgrade: tuple[Step, ...]
    downgrade: tuple[Step, ...]
    residue: tuple[Residue, ...] = ()

    @property
    def hash(self) -> str:
        """16 hex digits over both fingerprints and every statement."""
        text = "\x1e".join((self.before, self.after, *(step.sql for step in self.upgrade + self.downgrade)))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def destructive(self) -> tuple[Step, ...]:
        """The upgrade's steps that lose rows or values."""
        return tuple(step for step in self.upgrade if step.destructive)
