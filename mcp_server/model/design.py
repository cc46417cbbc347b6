"""Models designed from a spec: classes with fields, relationships, indexes and checks, and what was decided without being told.

What a spec states is made as it states it. A Decision is what it leaves open and what was taken; a Question is a Decision
that somebody should make, with its options; a Lack is what could not be designed at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from mcp_server.model.orm import Place
from mcp_server.model.schema import Column, Constraint, Index
from mcp_server.model.spec import NOWHERE

Topic = Literal[
    "type", "time zone", "json", "length", "null", "default", "number", "on delete", "index", "primary key", "foreign key",
    "owner", "values", "not empty", "name", "table",
]  # fmt: skip
Delete = Literal["", "cascade", "database"]
Origin = Literal["", "value", "list", "dict", "uuid", "clock", "naive clock", "today"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What the spec leaves open, and what was taken. column: "" for what concerns the table, keys of an index joined by `,`."""

    topic: Topic
    table: str
    column: str
    taken: str
    place: Place = NOWHERE

    @property
    def subject(self) -> str:
        """`tasks.title`, or `tasks`."""
        return f"{self.table}.{self.column}" if self.column else self.table


@dataclass(frozen=True, slots=True)
class Option:
    """One way to answer a question. cost: what speaks against it. say: what to write into the spec for it."""

    what: str
    cost: str
    say: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What a person should decide. options: the one that was taken first. subjects: what it is about."""

    asked: str
    options: tuple[Option, ...]
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What Python gives where no value is given. origin: "" for nothing. value: of a "value", as Python source, or a member."""

    origin: Origin = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class DesignedEnum:
    """A Python enum. members: (name, value). native: Postgres's type of its own, named `type_name`; else text with a check of that name."""

    name: str
    members: tuple[tuple[str, str], ...]
    type_name: str
    native: bool = True


@dataclass(frozen=True, slots=True)
class DesignedField:
    """A column as a class states it.

    kind: Python's type without `None`, as source. name: the attribute's, which differs from the column's where Python or SQLModel needs
    the name itself. literal: the values of a text with a check, where no enum can be made. least, most: bounds of a number,
    "ge 0", "lt 10". follows: it is set anew with each change of its row. key: its foreign key.
    """

    name: str
    column: Column
    kind: str
    primary_key: bool = False
    key: Constraint | None = None
    enum: DesignedEnum | None = None
    literal: tuple[str, ...] = ()
    given: Given = Given()
    shortest: int | None = None
    bounds: tuple[tuple[str, str], ...] = ()
    follows: bool = False


@dataclass(frozen=True, slots=True)
class DesignedRelationship:
    """One side of a relationship. many: a list. optional: there may be none. link: the class between, of many to many.

    delete: "cascade" where the database deletes the rows along, "database" where the database alone decides, "" on the side that
    holds the key. foreign_key: the attribute that tells it apart, "Task.owner_id"; remote: of a table that refers to itself.
    """

    name: str
    target: str
    other: str
    many: bool = False
    optional: bool = False
    link: str = ""
    delete: Delete = ""
    foreign_key: str = ""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class DesignedIndex:
    """An index, or a uniqueness, with the reason why it is there. stated: the spec asks for it. place: where it does."""

    index: Index
    reason: str
    stated: bool = True
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class DesignedCheck:
    """A check. name: without the table's, as the naming convention takes it. sql: as the spec words it, else as Postgres does."""

    name: str
    sql: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DesignedClass:
    """A class and its table. link: it only joins two others. places: where the spec states it."""

    name: str
    table: str
    fields: tuple[DesignedField, ...]
    relationships: tuple[DesignedRelationship, ...] = ()
    indexes: tuple[DesignedIndex, ...] = ()
    checks: tuple[DesignedCheck, ...] = ()
    link: bool = False
    place: Place = NOWHERE

    def field_of(self, column: str) -> DesignedField:
        """The field of a column."""
        return next(one for one in self.fields if one.column.name == column)

    def with_relationships(self, *more: DesignedRelationship) -> DesignedClass:
        """The same with further relationships."""
        return replace(self, relationships=(*self.relationships, *more))


@dataclass(frozen=True, slots=True)
class Stub:
    """A table that others own, as far as our keys refer to it. owner: "" when nobody is named. columns: (name, Postgres's type)."""

    table: str
    columns: tuple[tuple[str, str], ...]
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Flavour:
    """What the project's interpreter has: versions as numbers, () when a package is not there. driver: "asyncpg" when that is there."""

    python: tuple[int, ...]
    sqlmodel: tuple[int, ...]
    sqlalchemy: tuple[int, ...]
    driver: str = "asyncpg"


@dataclass(frozen=True, slots=True)
class Design:
    """Everything that was designed. decisions, questions: see the module. left_out: tables that are stated and not designed, with why."""

    classes: tuple[DesignedClass, ...]
    stubs: tuple[Stub, ...] = ()
    decisions: tuple[Decision, ...] = ()
    questions: tuple[Question, ...] = ()
    left_out: tuple[Decision, ...] = ()

    @property
    def enums(self) -> tuple[DesignedEnum, ...]:
        """The enums of all fields, each once."""
        return tuple(dict.fromkeys(field.enum for one in self.classes for field in one.fields if field.enum))
