"""The one value that every source becomes: a Schema and its objects.

Objects are flat and frozen. Each has a `word` (its kind) and an `identity` (its name, quoted and
qualified as SQL needs it); the two together are its key. Texts that Postgres deparses (definitions,
expressions, types) are kept as Postgres writes them with `search_path = pg_catalog`.
Field `position` never takes part in comparison: Postgres cannot reorder columns.
Fields `owner` are empty for the owner of the database, else the role's name, so that two databases
with different owners compare as equal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache, cached_property
from operator import attrgetter
from typing import ClassVar, Protocol, TypeVar, cast

from mcp_server.model.names import qualified, quote, split
from mcp_server.model.object import (
    Attribute,
    Composite,
    DefaultPrivilege,
    Domain,
    DomainConstraint,
    Enum,
    EventTrigger,
    Extension,
    Function,
    Grant,
    Namespace,
    Publication,
    Range,
    Sequence,
    Unread,
)
from mcp_server.model.relation import (
    Column,
    Constraint,
    Index,
    Policy,
    RewriteRule,
    Statistics,
    Table,
    Trigger,
    View,
    ViewColumn,
)

__all__ = [
    "KINDS",
    "Attribute",
    "Column",
    "Composite",
    "Constraint",
    "DefaultPrivilege",
    "Domain",
    "DomainConstraint",
    "Enum",
    "EventTrigger",
    "Extension",
    "Function",
    "Grant",
    "Group",
    "Index",
    "Namespace",
    "Policy",
    "Publication",
    "Range",
    "RewriteRule",
    "Schema",
    "SchemaObject",
    "Sequence",
    "Statistics",
    "Table",
    "Trigger",
    "Unread",
    "View",
    "ViewColumn",
    "compared_fields",
    "compared_values",
    "group_of",
    "qualified",
]


class SchemaObject(Protocol):
    """What every object of a schema has in common."""

    word: ClassVar[str]

    @property
    def identity(self) -> str:
        """The object's name, unique among those of its word."""


KINDS: tuple[type[SchemaObject], ...] = (
    Namespace, Extension, Enum, Domain, Composite, Range, Sequence, Table, Column, Constraint, Index, View, Function,
    Trigger, RewriteRule, EventTrigger, Policy, Statistics, Publication, Grant, DefaultPrivilege, Unread,
)  # fmt: skip

_ALONE = frozenset(
    kind.word
    for kind in (
        Namespace, Extension, Enum, Domain, Composite, Range, Sequence, Function, EventTrigger, Publication,
        DefaultPrivilege, Unread,
    )
)  # fmt: skip

_RELATIONS = (Table, View)

Object = TypeVar("Object", bound=SchemaObject)
Group = tuple[SchemaObject, ...]


class Part:
    """One group of a Schema, which Schemas made from it share: parsed, and written out, once, when first asked for."""

    def __init__(self, source: Group | Callable[[], Group]) -> None:
        self._source = source

    @property
    def objects(self) -> Group:
        if callable(self._source):
            self._source = self._source()  # and what it was parsed from is let go
        return self._source

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """What a fingerprint takes in of each object."""
        return tuple(f"{item.word}\x1f{compared_values(item)!r}" for item in self.objects)


class Schema:
    """All objects of a database, in groups that are parsed when they are first asked for.

    A group is a table with all that hangs on it (columns, constraints, indexes, triggers, policies,
    statistics, grants), a view likewise, or all objects of one other word. Its key is the relation's
    identity, or the word. `server_version` is Postgres's `server_version_num`, 0 when unknown.
    """

    def __init__(self, groups: Mapping[str, Group | Callable[[], Group] | Part], server_version: int = 0) -> None:
        self._parts = {key: group if isinstance(group, Part) else Part(group) for key, group in groups.items()}
        self._index: dict[tuple[str, str], SchemaObject] | None = None
        self._fingerprint = ""
        self.server_version = server_version

    @classmethod
    def of(cls, objects: Iterable[SchemaObject], server_version: int = 0) -> Schema:
        """A Schema of objects that are at hand."""
        groups: dict[str, list[SchemaObject]] = {}
        for item in objects:
            groups.setdefault(group_of(item), []).append(item)
        return cls({name: tuple(items) for name, items in groups.items()}, server_version)

    @property
    def groups(self) -> tuple[str, ...]:
        """The keys of all groups, without parsing any."""
        return tuple(self._parts)

    def group(self, key: str) -> Group:
        """All objects of one group; () when there is none of that key."""
        part = self._parts.get(key)
        return part.objects if part else ()

    def __iter__(self) -> Iterator[SchemaObject]:
        for part in self._parts.values():
            yield from part.objects

    def __len__(self) -> int:
        return sum(len(part.objects) for part in self._parts.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.by_key() == other.by_key()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def all(self, kind: type[Object]) -> Iterator[Object]:
        """Every object of one class. Of those that never hang on a relation, without parsing any relation."""
        items = self.group(kind.word) if kind.word in _ALONE else self
        return (item for item in items if isinstance(item, kind))

    def on(self, relation: str, kind: type[Object]) -> tuple[Object, ...]:
        """The objects of one class that hang on a relation, columns by position, others by name."""
        found = [item for item in self.group(relation) if isinstance(item, kind)]
        if kind is Column:
            found.sort(key=lambda item: cast(Column, item).position)
        return tuple(found)

    def get(self, kind: type[Object], identity: str) -> Object | None:
        """The object of that class and identity, or None. A table or view is found without parsing any other."""
        if kind in _RELATIONS:
            return next((item for item in self.group(identity) if isinstance(item, kind)), None)
        return cast("Object | None", self._keyed().get((kind.word, identity)))

    def by_key(self) -> dict[tuple[str, str], SchemaObject]:
        """Every object by (word, identity); the caller's own to change."""
        return dict(self._keyed())

    def _keyed(self) -> dict[tuple[str, str], SchemaObject]:
        """The same, made once: a Schema never changes."""
        if self._index is None:
            self._index = {(item.word, item.identity): item for item in self}
        return self._index

    def without(self, *relations: str) -> Schema:
        """The same Schema without these relations and what hangs on them, their own sequences included."""
        left_out = frozenset(relations)
        kept: dict[str, Part | Group] = {key: part for key, part in self._parts.items() if key not in left_out}
        if Sequence.word in kept:
            owned = tuple(f"{relation}." for relation in left_out)
            kept[Sequence.word] = tuple(
                item for item in self.group(Sequence.word) if not cast(Sequence, item).owned_by.startswith(owned)
            ) if owned else self.group(Sequence.word)  # fmt: skip
        return Schema(kept, self.server_version)

    def with_groups(self, groups: Mapping[str, Group], server_version: int = 0) -> Schema:
        """The same Schema with other objects under some keys; no objects, no group."""
        parts = {key: part for key, part in self._parts.items() if groups.get(key, True)}
        parts |= {key: Part(group) for key, group in groups.items() if group}
        return Schema(parts, server_version or self.server_version)

    def sharing(self, other: Schema) -> Schema:
        """The same Schema, with the groups of another one wherever they are identical: to compare the two then costs next to nothing."""
        parts = {
            key: other._parts[key]
            if key in other._parts and identical(part.objects, other._parts[key].objects)
            else part
            for key, part in self._parts.items()
        }
        return Schema(parts, self.server_version)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that are equal for equal Schemas, whatever server they were read from."""
        if not self._fingerprint:
            lines = sorted(line for part in self._parts.values() for line in part.lines)
            self._fingerprint = hashlib.sha256("\x1e".join(lines).encode()).hexdigest()[:16]
        return self._fingerprint


def group_of(item: SchemaObject) -> str:
    """The key of the group that an object belongs to."""
    if isinstance(item, Column | Constraint | Index | Trigger | Policy | RewriteRule | Statistics):
        return item.table
    if isinstance(item, Table | View):
        return item.identity
    if isinstance(item, Grant) and item.target_word == "table":
        return item.target
    if isinstance(item, Grant) and item.target_word == "column":
        return ".".join(quote(part) for part in split(item.target)[:2])
    return item.word


def identical(one: Group, other: Group) -> bool:
    """Whether two groups are equal also in what does not take part in comparison, as the position of a column."""
    return one == other and all(
        _uncompared(type(mine))(mine) == _uncompared(type(theirs))(theirs)
        for mine, theirs in zip(one, other, strict=True)
    )


@cache
def _uncompared(kind: type) -> Callable[[SchemaObject], object]:
    names = tuple(item.name for item in fields(kind) if not item.compare)
    return attrgetter(*names) if names else lambda _: None


@cache
def compared_fields(kind: type) -> tuple[str, ...]:
    """The names of a class's fields that take part in comparison."""
    return tuple(item.name for item in fields(kind) if item.compare)


def compared_values(item: SchemaObject) -> tuple[object, ...]:
    """An object's values that take part in comparison."""
    return _getter(type(item))(item)


@cache
def _getter(kind: type) -> Callable[[SchemaObject], tuple[object, ...]]:
    names = compared_fields(kind)
    if len(names) > 1:
        return attrgetter(*names)  # of one name it would give the value alone
    return lambda item: tuple(getattr(item, name) for name in names)
