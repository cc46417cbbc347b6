"""A Spec: the tables that documents state, each table and column with every voice that speaks of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    Document,
    Form,
    Kind,
    OnDelete,
    Reference,
    SpecType,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    Strength,
    Unread,
    alike,
    same_column,
)


@dataclass(frozen=True, slots=True)
class Voice:
    """One statement of a column, and where and how strongly it was made."""

    column: StatedColumn
    form: Form
    strength: Strength

    @property
    def place(self) -> Place:
        return self.column.place


@dataclass(frozen=True, slots=True)
class SpecColumn:
    """A column with all its voices, the one of most authority first."""

    name: str
    voices: tuple[Voice, ...]

    @property
    def place(self) -> Place:
        return self.voices[0].place

    @property
    def type(self) -> SpecType | None:
        """The type of most authority, its values completed by the others."""
        typed = [voice.column.type for voice in self.voices if voice.column.type and voice.column.type.fits]
        if not typed:
            return None
        values = next((one.values for one in typed if one.values), ())
        automatic = any(one.automatic for one in typed)
        if (values, automatic) == (typed[0].values, typed[0].automatic):
            return typed[0]
        return replace(typed[0], values=values, automatic=automatic)

    @property
    def bounds(self) -> frozenset[int]:
        """Every number of characters that is stated as the most."""
        found = [voice.column.bound for voice in self.voices]
        found += [voice.column.type.length for voice in self.voices if voice.column.type]
        return frozenset(number for number in found if number is not None)

    @property
    def nullable(self) -> Voice | None:
        """The voice that says whether NULL is allowed, one that says so before one that is silent."""
        told = [voice for voice in self.voices if voice.column.nullable is not None]
        return next((voice for voice in told if not voice.column.silent), told[0] if told else None)

    @property
    def default(self) -> Voice | None:
        """The voice that gives a default by the database; without one, that of Python's."""
        told = [voice for voice in self.voices if voice.column.default is not None]
        return next((voice for voice in told if not voice.column.given), told[0] if told else None)

    @property
    def reference(self) -> Voice | None:
        """The voice that says where it leads, the one that names a table first, with the rule for deletes of any."""
        told = [voice for voice in self.voices if voice.column.reference is not None]
        if not told:
            return None
        first = next((voice for voice in told if voice.column.reference and voice.column.reference.table), told[0])
        rule: OnDelete = next(
            (one.column.reference.on_delete for one in told if one.column.reference and one.column.reference.on_delete),
            "",
        )
        known = first.column.reference or Reference()
        return replace(first, column=replace(first.column, reference=replace(known, on_delete=known.on_delete or rule)))

    def voice(self, attribute: str) -> Voice | None:
        """The first voice whose column states this attribute as true or not empty."""
        return next((voice for voice in self.voices if getattr(voice.column, attribute)), None)

    @property
    def is_key(self) -> bool:
        """Whether it is said to be the primary key by itself."""
        return self.voice("primary_key") is not None


@dataclass(frozen=True, slots=True)
class SpecTable:
    """A table with all that was stated of it.

    kind: "table" when a document gives the table's own name, "entity" when it names only what the rows are. weak: nothing but
    sketches state it. lists_indexes: its indexes are listed, so that one which is not listed is not wanted.
    """

    name: str
    kind: Kind
    columns: tuple[SpecColumn, ...]
    stated: tuple[StatedTable, ...]
    key: tuple[str, ...] = ()
    indexes: tuple[StatedIndex, ...] = ()
    checks: tuple[StatedCheck, ...] = ()
    keys: tuple[StatedKey, ...] = ()
    external: bool = False
    owner: str = ""
    weak: bool = False
    lists_indexes: bool = False

    @property
    def place(self) -> Place:
        return self.stated[0].place

    @property
    def partial(self) -> bool:
        """Whether it is only ever added to, and stated whole nowhere."""
        return all(one.adds for one in self.stated if one.strength != "weak" or self.weak)

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The columns that tell rows apart, () when that is not stated."""
        return self.key or tuple(one.name for one in self.columns if one.is_key)

    def column(self, name: str) -> SpecColumn | None:
        """The column of a name."""
        return next((one for one in self.columns if same_column(one.name, name)), None)


@dataclass(frozen=True, slots=True)
class Spec:
    """All that the documents state. incremental: all of them list only what is new."""

    documents: tuple[Document, ...]
    tables: tuple[SpecTable, ...]
    incremental: bool = False

    @property
    def unread(self) -> tuple[Unread, ...]:
        """What could not be understood, of all documents."""
        return tuple(one for document in self.documents for one in document.unread)

    def table(self, name: str) -> SpecTable | None:
        """The table that a name means: by its own name first."""
        exact = next((one for one in self.tables if one.name == name), None)
        return exact or next((one for one in self.tables if alike(one.name) == alike(name)), None)


def said(column: SpecColumn, **stated: Any) -> SpecColumn:
    """The column with a voice of the most authority that says just this; stated: fields of a StatedColumn."""
    voice = Voice(StatedColumn(column.name, column.place, **stated), "prose", "strong")
    return replace(column, voices=(voice, *column.voices))


def name_in_sql(table: SpecTable, spec: Spec) -> str:
    """The name under which a table is made: its own, else that by which keys lead to it, else that of its entity in SQL's style."""
    if table.kind == "table":
        return table.name
    for other in spec.tables:
        for column in other.columns:
            led = column.reference.column.reference if column.reference else None
            if led and led.table and led.table == led.table.lower() and alike(led.table) == alike(table.name):
                return led.table
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", table.name).lower()
