"""Tables and views, and all that hangs on one: columns, constraints, indexes, triggers, policies, rules, statistics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mcp_server.model.names import qualified, quote


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
