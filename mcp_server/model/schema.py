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
from dataclasses import dataclass, field, fields
from functools import cache
from typing import ClassVar, Literal, Protocol, TypeVar, cast

from mcp_server.model.names import quote


def qualified(schema: str, name: str) -> str:
    """`schema.name`, each part quoted where SQL needs it."""
    return f"{quote(schema)}.{quote(name)}"


class SchemaObject(Protocol):
    """What every object of a schema has in common."""

    word: ClassVar[str]

    @property
    def identity(self) -> str:
        """The object's name, unique among those of its word."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """A schema in Postgres's sense: a name space."""

    word: ClassVar[str] = "schema"
    name: str
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return quote(self.name)


@dataclass(frozen=True, slots=True)
class Extension:
    """An installed extension. Its members are left out of the Schema and named here."""

    word: ClassVar[str] = "extension"
    name: str
    schema: str
    version: str = field(compare=False, default="")
    comment: str = ""
    members: tuple[str, ...] = field(compare=False, default=())

    @property
    def identity(self) -> str:
        return quote(self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of its own, a partitioned one, or a foreign one.

    replica_identity: "" for the default, else "nothing", "full", or the index's name.
    options: storage parameters as "name=value", sorted.
    """

    word: ClassVar[str] = "table"
    schema: str
    name: str
    kind: Literal["table", "partitioned", "foreign"] = "table"
    persistence: Literal["permanent", "unlogged", "temporary"] = "permanent"
    access_method: str = "heap"
    tablespace: str = ""
    options: tuple[str, ...] = ()
    replica_identity: str = ""
    row_security: bool = False
    force_row_security: bool = False
    partition_by: str = ""
    partition_of: str = ""
    partition_bound: str = ""
    inherits: tuple[str, ...] = ()
    server: str = ""
    of_type: str = ""
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    default: the expression, None without one; for a generated column see `generated`.
    identity_options: the identity sequence's options that are not the default, as SQL, e.g. "START WITH 10".
    collation, storage, compression: empty for the type's own. inherited: not declared on this table itself.
    """

    word: ClassVar[str] = "column"
    table: str
    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    identity_kind: Literal["", "always", "by default"] = ""
    identity_options: str = ""
    generated: str | None = None
    stored: bool = True
    collation: str = ""
    storage: str = ""
    compression: str = ""
    statistics: int | None = None
    options: tuple[str, ...] = ()
    inherited: bool = False
    comment: str = ""
    position: int = field(compare=False, default=0)

    @property
    def identity(self) -> str:
        return f"{self.table}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint of a table.

    kind: p primary key, u unique, f foreign key, c check, x exclusion, n not null (Postgres 18, only
    where it says more than the column's `nullable`: its own name, NOT VALID, NO INHERIT or a comment).
    definition: as `pg_get_constraintdef` writes it, with the storage parameters of a key's index. expression: of a check. inherited: made by a parent.
    """

    word: ClassVar[str] = "constraint"
    table: str
    name: str
    kind: Literal["p", "u", "f", "c", "x", "n"]
    columns: tuple[str, ...]
    definition: str
    references: str = ""
    referenced_columns: tuple[str, ...] = ()
    on_update: str = ""
    on_delete: str = ""
    set_columns: tuple[str, ...] = ()
    match_full: bool = False
    expression: str = ""
    deferrable: bool = False
    deferred: bool = False
    validated: bool = True
    enforced: bool = True
    no_inherit: bool = False
    nulls_not_distinct: bool = False
    temporal: bool = False
    inherited: bool = False
    comment: str = ""

    @property
    def identity(self) -> str:
        return f"{self.table}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Index:
    """An index.

    columns: the plain name of each key that is a column, "" for an expression. keys: each key as SQL, with
    operator class, order and collation. constraint: the constraint it carries, "" for a plain index.
    parent: the partitioned index it is attached to.
    """

    word: ClassVar[str] = "index"
    schema: str
    name: str
    table: str
    method: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    definition: str
    include: tuple[str, ...] = ()
    unique: bool = False
    nulls_not_distinct: bool = False
    predicate: str = ""
    valid: bool = True
    constraint: str = ""
    parent: str = ""
    options: tuple[str, ...] = ()
    tablespace: str = ""
    clustered: bool = False
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view, as its query makes it."""

    name: str
    type: str
    default: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A view or a materialised view. definition: the query."""

    word: ClassVar[str] = "view"
    schema: str
    name: str
    materialized: bool
    definition: str
    columns: tuple[ViewColumn, ...] = ()
    options: tuple[str, ...] = ()
    populated: bool = True
    access_method: str = ""
    tablespace: str = ""
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Function:
    """A function, procedure, window function or aggregate.

    arguments: as `pg_get_function_identity_arguments`. definition: the whole CREATE statement.
    """

    word: ClassVar[str] = "function"
    schema: str
    name: str
    arguments: str
    kind: Literal["function", "procedure", "aggregate", "window"]
    definition: str
    returns: str = ""
    language: str = ""
    volatility: Literal["immutable", "stable", "volatile"] = "volatile"
    security_definer: bool = False
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return f"{qualified(self.schema, self.name)}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger on a table or view. enabled: "origin" (the default), "disabled", "replica", "always".

    inherited: cloned from the partitioned parent.
    """

    word: ClassVar[str] = "trigger"
    table: str
    name: str
    definition: str
    enabled: Literal["origin", "disabled", "replica", "always"] = "origin"
    inherited: bool = False
    comment: str = ""

    @property
    def identity(self) -> str:
        return f"{self.table}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class RewriteRule:
    """A rewrite rule on a table or view, other than a view's own."""

    word: ClassVar[str] = "rule"
    table: str
    name: str
    definition: str
    enabled: Literal["origin", "disabled", "replica", "always"] = "origin"
    comment: str = ""

    @property
    def identity(self) -> str:
        return f"{self.table}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """A trigger on DDL."""

    word: ClassVar[str] = "event trigger"
    name: str
    event: str
    function: str
    tags: tuple[str, ...] = ()
    enabled: Literal["origin", "disabled", "replica", "always"] = "origin"
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return quote(self.name)


@dataclass(frozen=True, slots=True)
class Policy:
    """A row security policy. roles: () for PUBLIC. command: "all", "select", "insert", "update", "delete"."""

    word: ClassVar[str] = "policy"
    table: str
    name: str
    command: Literal["all", "select", "insert", "update", "delete"]
    permissive: bool = True
    roles: tuple[str, ...] = ()
    using: str = ""
    check: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return f"{self.table}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a role holds on an object beyond, or short of, what Postgres gives by default.

    target_word: "table", "sequence", "function", "procedure", "schema", "type", "column". grantee: "" for the owner,
    "public", or the role's name. privileges: words, " with grant option" appended where it applies.
    revoked: default privileges that were taken away.
    """

    word: ClassVar[str] = "grant"
    target_word: str
    target: str
    grantee: str
    privileges: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        return f"{self.target_word} {self.target} to {self.grantee}"


@dataclass(frozen=True, slots=True)
class DefaultPrivilege:
    """What future objects of `role` will grant. schema: "" for all. target_word: as in Grant, plural kinds of ALTER DEFAULT PRIVILEGES."""

    word: ClassVar[str] = "default privilege"
    role: str
    schema: str
    target_word: str
    grantee: str
    privileges: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        return f"{self.role} {self.schema} {self.target_word} to {self.grantee}"


@dataclass(frozen=True, slots=True)
class Enum:
    """An enumerated type. values: in order."""

    word: ClassVar[str] = "enum"
    schema: str
    name: str
    values: tuple[str, ...]
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class DomainConstraint:
    """A check on a domain."""

    name: str
    definition: str
    validated: bool = True


@dataclass(frozen=True, slots=True)
class Domain:
    """A type with a base type, a default and checks."""

    word: ClassVar[str] = "domain"
    schema: str
    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    collation: str = ""
    constraints: tuple[DomainConstraint, ...] = ()
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a composite type."""

    name: str
    type: str
    collation: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Composite:
    """A row type of its own."""

    word: ClassVar[str] = "composite type"
    schema: str
    name: str
    attributes: tuple[Attribute, ...]
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Range:
    """A range type. definition: the parameters of CREATE TYPE ... AS RANGE, as SQL."""

    word: ClassVar[str] = "range type"
    schema: str
    name: str
    definition: str
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence that is no identity column's. owned_by: "schema.table.column" or ""."""

    word: ClassVar[str] = "sequence"
    schema: str
    name: str
    type: str = "bigint"
    start: int = 1
    increment: int = 1
    minimum: int = 1
    maximum: int = 9223372036854775807
    cache: int = 1
    cycle: bool = False
    owned_by: str = ""
    persistence: Literal["permanent", "unlogged", "temporary"] = "permanent"
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Publication:
    """A publication. tables: each as SQL, with columns and row filter. operations: e.g. ("insert", "update")."""

    word: ClassVar[str] = "publication"
    name: str
    all_tables: bool = False
    tables: tuple[str, ...] = ()
    schemas: tuple[str, ...] = ()
    operations: tuple[str, ...] = ("insert", "update", "delete", "truncate")
    via_root: bool = False
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return quote(self.name)


@dataclass(frozen=True, slots=True)
class Statistics:
    """An extended statistics object. target: None for the default."""

    word: ClassVar[str] = "statistics"
    schema: str
    name: str
    table: str
    definition: str
    target: int | None = None
    owner: str = ""
    comment: str = ""

    @property
    def identity(self) -> str:
        return qualified(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Unread:
    """An object of a kind that the reader only names: cast, operator, collation, foreign server, ..."""

    word: ClassVar[str] = "unread object"
    kind: str
    name: str

    @property
    def identity(self) -> str:
        return f"{self.kind} {self.name}"


KINDS: tuple[type, ...] = (
    Namespace, Extension, Enum, Domain, Composite, Range, Sequence, Table, Column, Constraint, Index, View, Function,
    Trigger, RewriteRule, EventTrigger, Policy, Statistics, Publication, Grant, DefaultPrivilege, Unread,
)  # fmt: skip

Object = TypeVar("Object", bound=SchemaObject)
Group = tuple[SchemaObject, ...]


class Schema:
    """All objects of a database, in groups that are parsed when they are first asked for.

    A group is a table with all that hangs on it (columns, constraints, indexes, triggers, policies,
    statistics, grants), a view likewise, or all objects of one other word. Its key is the relation's
    identity, or the word. `server_version` is Postgres's `server_version_num`, 0 when unknown.
    """

    def __init__(self, groups: Mapping[str, Group | Callable[[], Group]], server_version: int = 0) -> None:
        self._groups = dict(groups)
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
        return tuple(self._groups)

    def group(self, key: str) -> Group:
        """All objects of one group; () when there is none of that key."""
        group = self._groups.get(key, ())
        if callable(group):
            group = self._groups[key] = group()
        return group

    def __iter__(self) -> Iterator[SchemaObject]:
        for key in self._groups:
            yield from self.group(key)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.by_key() == other.by_key()

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def all(self, kind: type[Object]) -> Iterator[Object]:
        """Every object of one class."""
        return (item for item in self if isinstance(item, kind))

    def on(self, relation: str, kind: type[Object]) -> tuple[Object, ...]:
        """The objects of one class that hang on a relation, columns by position, others by name."""
        found = [item for item in self.group(relation) if isinstance(item, kind)]
        if kind is Column:
            found.sort(key=lambda item: cast(Column, item).position)
        return tuple(found)

    def get(self, kind: type[Object], identity: str) -> Object | None:
        """The object of that class and identity, or None."""
        return cast("Object | None", self.by_key().get((kind.word, identity)))

    def by_key(self) -> dict[tuple[str, str], SchemaObject]:
        """Every object by (word, identity)."""
        return {(item.word, item.identity): item for item in self}

    def without(self, *relations: str) -> Schema:
        """The same Schema without these relations and what hangs on them, their own sequences included."""
        left_out = frozenset(relations)
        kept = {key: group for key, group in self._groups.items() if key not in left_out}
        if Sequence.word in kept:
            owned = tuple(f"{relation}." for relation in left_out)
            kept[Sequence.word] = tuple(
                item for item in self.group(Sequence.word) if not cast(Sequence, item).owned_by.startswith(owned)
            ) if owned else self.group(Sequence.word)  # fmt: skip
        return Schema(kept, self.server_version)

    @property
    def fingerprint(self) -> str:
        """16 hex digits that are equal for equal Schemas, whatever server they were read from."""
        lines = sorted(f"{item.word}\x1f{compared_values(item)!r}" for item in self)
        return hashlib.sha256("\x1e".join(lines).encode()).hexdigest()[:16]


def group_of(item: SchemaObject) -> str:
    """The key of the group that an object belongs to."""
    if isinstance(item, Column | Constraint | Index | Trigger | Policy | RewriteRule | Statistics):
        return item.table
    if isinstance(item, Table | View):
        return item.identity
    if isinstance(item, Grant) and item.target_word == "table":
        return item.target
    return item.word


@cache
def compared_fields(kind: type) -> tuple[str, ...]:
    """The names of a class's fields that take part in comparison."""
    return tuple(item.name for item in fields(kind) if item.compare)


def compared_values(item: SchemaObject) -> tuple[object, ...]:
    """An object's values that take part in comparison."""
    return tuple(getattr(item, name) for name in compared_fields(type(item)))
