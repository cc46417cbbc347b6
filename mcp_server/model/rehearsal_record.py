"""What is on record of a rehearsal that passed: enough to know later that a database may take exactly this revision."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from mcp_server.model.lock import Lock, strongest
from mcp_server.model.schema import (
    DefaultPrivilege,
    EventTrigger,
    Extension,
    Grant,
    Namespace,
    Publication,
    Schema,
    SchemaObject,
    compared_values,
)

# What belongs to a database's surroundings and not to its history: each that was rehearsed with must be there, others may be.
SURROUNDINGS = (Extension, Grant, DefaultPrivilege, Publication, EventTrigger)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a database stands, in a form that is equal for equal databases on servers of one major version.

    fingerprint: of all that revisions make. surroundings: `word identity digest` of extensions, grants, publications and event triggers, sorted.
    """

    fingerprint: str
    surroundings: tuple[str, ...] = ()

    def meets(self, wanted: Standing) -> bool:
        """Whether this one is what was wanted: the same objects, and at least its surroundings."""
        return self.fingerprint == wanted.fingerprint and not self.missing(wanted)

    def missing(self, wanted: Standing) -> tuple[str, ...]:
        """What of the wanted surroundings is not here or is another, as `word identity`."""
        gone = set(wanted.surroundings) - set(self.surroundings)
        return tuple(sorted(entry.rpartition(" ")[0] for entry in gone))


def standing(schema: Schema) -> Standing:
    """How a Schema stands. What others own and Alembic's table are to be left out before."""
    around = (_entry(item) for item in schema if isinstance(item, SURROUNDINGS))
    return Standing(own_part(schema).fingerprint, tuple(sorted(around)))


def own_part(schema: Schema) -> Schema:
    """A Schema without its surroundings: what revisions make."""
    own = (item for item in schema if not isinstance(item, SURROUNDINGS) and not _is_public(item))
    return Schema.of(own, schema.server_version)


def _is_public(item: SchemaObject) -> bool:
    """Its comment and its owner differ among providers; that it is there shows in what it holds."""
    return isinstance(item, Namespace) and item.name == "public"


def _entry(item: SchemaObject) -> str:
    digest = hashlib.sha256(repr(compared_values(item)).encode()).hexdigest()[:12]
    return f"{item.word} {item.identity} {digest}"


@dataclass(frozen=True, slots=True)
class RehearsedStatement:
    """One statement of the upgrade. locks: the strongest of each relation that stood before.

    transactional: whether it ran in a transaction. destroys: the objects whose rows or values are lost by it, by identity.
    """

    sql: str
    locks: tuple[Lock, ...] = ()
    transactional: bool = True
    destroys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RehearsalRecord:
    """A rehearsal that passed. file: relative to the project; sha256: of its bytes, 64 hex digits.

    environment: 16 hex digits over env.py and what else the revision runs with. before, after: how the database stood.
    server_version: of the Postgres it was rehearsed on, as 180004. at: UTC, as 2026-01-31T12:00:00Z. repeatable:
    every statement may be run again after a part of them ran. plan_hash: of the Plan, "" when there was none.
    origin, outcome: statements that make the start and the end of an empty database, where its history does not: a
    migration that was written from another source; () where the history's own revisions lead there. is_ours: whether it
    was found under the seal of this user's dbarch.
    """

    revision: str
    parents: tuple[str, ...]
    file: str
    sha256: str
    environment: str
    before: Standing
    after: Standing
    server_version: int
    at: str
    statements: tuple[RehearsedStatement, ...] = ()
    repeatable: bool = False
    plan_hash: str = ""
    origin: tuple[str, ...] = ()
    outcome: tuple[str, ...] = ()
    is_ours: bool = False

    @property
    def is_transaction(self) -> bool:
        """Whether all of it happens or nothing."""
        return all(statement.transactional for statement in self.statements)

    @property
    def destroys(self) -> tuple[str, ...]:
        """Every object whose rows or values are lost, in the order of the statements."""
        return tuple(dict.fromkeys(name for statement in self.statements for name in statement.destroys))

    @property
    def locks(self) -> tuple[Lock, ...]:
        """The strongest lock on each relation."""
        return strongest(lock for statement in self.statements for lock in statement.locks)
