"""What recipes speak in: drafts of steps, refusals, and the site on which they build."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from mcp_server.model.names import literal, quote
from mcp_server.model.schema import SchemaObject, compared_fields
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.units import Key, Unit

_PLAIN = re.compile(r"-?\d+(\.\d+)?\Z|[a-z_]+\Z")
ACCESS_EXCLUSIVE = "AccessExclusiveLock"
SHARE_ROW_EXCLUSIVE = "ShareRowExclusiveLock"
SHARE = "ShareLock"
SHARE_UPDATE_EXCLUSIVE = "ShareUpdateExclusiveLock"


class Phase(IntEnum):
    """When a statement comes, as far as dependencies leave it free."""

    FIRST = 0
    UNDO = 1
    SCHEMA = 2
    EXTENSION = 3
    TYPE = 4
    SEQUENCE = 5
    FUNCTION = 6
    RELATION = 7
    VIEW = 8
    REACTION = 9
    PUBLICATION = 10
    REMOVE = 11
    OWNER = 12
    GRANT = 13
    LAST = 14


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement that waits for its place.

    fields: of an Altered, those that the statement settles. needs, frees: units beyond those that the
    object stands on, in their new form and in their old.
    phase: None for the object's own. settles: units that the statement makes along the way, beyond those bundled.
    retypes: what stands on the object has to be dropped before and made again after.
    aside: the statement moves the old object out of the way; it is dropped later. takes, gives: the name of a relation
    that the statement makes or drops besides, as that of an identity column's sequence.
    """

    sql: str
    fields: tuple[str, ...] = ()
    needs: tuple[Key, ...] = ()
    frees: tuple[Key, ...] = ()
    phase: Phase | None = None
    settles: tuple[Unit, ...] = ()
    destructive: bool = False
    transactional: bool = True
    lock: str = ""
    why: str = ""
    retypes: bool = False
    aside: bool = False
    takes: str = ""
    gives: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Postgres, or the plan, cannot do about some fields of an object, and why."""

    fields: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Site:
    """What a recipe may look at.

    old, new: before and after, with their dependencies. version: server_version_num, 0 when unknown.
    made: the units that the plan makes. replaced: the units that it drops and makes again.
    members: the units that the statement in hand makes along with its own. keys_apart: foreign keys get statements of
    their own, also those of new tables.
    """

    old: Dependencies
    new: Dependencies
    version: int
    made: frozenset[Key] = frozenset()
    replaced: frozenset[Key] = frozenset()
    members: tuple[Unit, ...] = ()
    keys_apart: bool = False

    def since(self, major: int) -> bool:
        """True when the server is of that major version or newer; an unknown one is taken as the newest."""
        return self.version == 0 or self.version >= major * 10000

    def with_members(self, members: tuple[Unit, ...]) -> Site:
        return replace(self, members=members)


Drafts = Iterator[Draft | Refusal]


def never(before: Any, after: Any, fields: tuple[str, ...], site: Site) -> bool:
    """The answer of kinds that can always be altered in place."""
    return False


def always(before: Any, after: Any, fields: tuple[str, ...], site: Site) -> bool:
    """The answer of kinds that can never be altered in place."""
    return True


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of unit is made, dropped and altered.

    replaces: True when a change of these fields takes a drop and a new creation.
    make, remove: the phases of creation and drop. order: among units on one relation.
    """

    create: Callable[[Any, Site], Drafts]
    drop: Callable[[Any, Site], Drafts]
    alter: Callable[[Any, Any, tuple[str, ...], Site], Drafts]
    replaces: Callable[[Any, Any, tuple[str, ...], Site], bool] = never
    make: Phase = Phase.RELATION
    remove: Phase = Phase.UNDO
    order: int = 0


def comment(target: str, text: str, lock: str = "") -> Draft:
    """COMMENT ON; target with its kind: `TABLE public.task`."""
    return Draft(f"COMMENT ON {target} IS {literal(text) if text else 'NULL'}", ("comment",), lock=lock)


def role(name: str) -> str:
    """A role as SQL; the owner of the database is taken to be who runs the statement."""
    return quote(name) if name else "CURRENT_USER"


def owner(target: str, name: str, lock: str = "") -> Draft:
    """ALTER ... OWNER TO; target with its kind."""
    return Draft(f"ALTER {target} OWNER TO {role(name)}", ("owner",), phase=Phase.OWNER, lock=lock)


def named(target: str, before: Any, after: Any, fields: tuple[str, ...], lock: str = "") -> Drafts:
    """The two fields that nearly every kind has: comment and owner."""
    if "comment" in fields:
        yield comment(target, after.comment)
    if "owner" in fields:
        yield owner(target, after.owner, lock)


def differing(before: SchemaObject, after: SchemaObject) -> tuple[str, ...]:
    """The names of the fields in which two objects of one class differ."""
    return tuple(name for name in compared_fields(type(after)) if getattr(before, name) != getattr(after, name))


def bracketed(expression: str) -> str:
    """An expression in parentheses; those that already enclose the whole of it are kept."""
    depth = 0
    quoted = ""
    for place, sign in enumerate(expression):
        if quoted:
            quoted = "" if sign == quoted else quoted
        elif sign in "'\"":
            quoted = sign
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        if depth == 0 and place < len(expression) - 1:
            return f"({expression})"
    return expression if expression.startswith("(") else f"({expression})"


def options(pairs: tuple[str, ...]) -> str:
    """Parameters "name=value" as SQL."""
    return ", ".join(option(pair) for pair in pairs)


def option(pair: str) -> str:
    """One parameter "name=value" as SQL."""
    name, equals, value = pair.partition("=")
    if not equals:
        return name
    return f"{name} = {value if _PLAIN.match(value) else literal(value)}"


def set_options(prefix: str, before: tuple[str, ...], after: tuple[str, ...], lock: str = "") -> Drafts:
    """SET (...) for parameters that are new or other, RESET (...) for those that are gone."""
    changed = tuple(pair for pair in after if pair not in before)
    kept = {pair.partition("=")[0] for pair in after}
    gone = tuple(name for name in (pair.partition("=")[0] for pair in before) if name not in kept)
    if changed:
        yield Draft(f"{prefix} SET ({options(changed)})", ("options",), lock=lock)
    if gone:
        yield Draft(f"{prefix} RESET ({', '.join(gone)})", ("options",), lock=lock)
