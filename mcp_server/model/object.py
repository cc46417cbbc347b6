"""Objects of a database that hang on no table: schemas, types, functions, sequences, grants, publications."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from mcp_server.model.names import qualified, quote


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
class Unread:
    """An object of a kind that the reader only names: cast, operator, collation, foreign server, ..."""

    word: ClassVar[str] = "unread object"
    kind: str
    name: str

    @property
    def identity(self) -> str:
        return f"{self.kind} {self.name}"
