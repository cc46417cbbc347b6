"""What a plan makes and drops: the objects of a Schema, and those aspects of them that may come later than they do.

A column's default may need a function that needs the column's table; a sequence belongs to a column whose default
needs the sequence; a partition is attached to a parent that is made before or after it. Taken apart, such circles open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from mcp_server.model.schema import Column, SchemaObject, Sequence, Table

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Default:
    """The default of a column."""

    word: ClassVar[str] = "default"
    fields: ClassVar[tuple[str, ...]] = ("default",)
    item: Column

    @property
    def identity(self) -> str:
        return self.item.identity

    @property
    def bare(self) -> Column:
        """The column without it."""
        return replace(self.item, default=None)


@dataclass(frozen=True, slots=True)
class Ownership:
    """That a sequence belongs to a column."""

    word: ClassVar[str] = "ownership"
    fields: ClassVar[tuple[str, ...]] = ("owned_by",)
    item: Sequence

    @property
    def identity(self) -> str:
        return self.item.identity

    @property
    def bare(self) -> Sequence:
        """The sequence without it."""
        return replace(self.item, owned_by="")


@dataclass(frozen=True, slots=True)
class Attachment:
    """That a table is a partition of another."""

    word: ClassVar[str] = "attachment"
    fields: ClassVar[tuple[str, ...]] = ("partition_of", "partition_bound")
    item: Table

    @property
    def identity(self) -> str:
        return self.item.identity

    @property
    def bare(self) -> Table:
        """The table without it."""
        return replace(self.item, partition_of="", partition_bound="")


Aspect = Default | Ownership | Attachment
Unit = SchemaObject
ASPECTS = (Default, Ownership, Attachment)


def key(unit: Unit) -> Key:
    """What names a unit: its word and identity."""
    return (unit.word, unit.identity)


def aspects(item: SchemaObject) -> Iterator[Aspect]:
    """Those aspects of an object that are units of their own. An inherited column's default comes with the column."""
    if isinstance(item, Column) and item.default is not None and not item.inherited:
        yield Default(item)
    elif isinstance(item, Sequence) and item.owned_by:
        yield Ownership(item)
    elif isinstance(item, Table) and item.partition_of:
        yield Attachment(item)


def aspect_fields(item: SchemaObject) -> tuple[str, ...]:
    """The fields of an object that its aspects carry."""
    if isinstance(item, Column):
        return () if item.inherited else Default.fields
    if isinstance(item, Sequence):
        return Ownership.fields
    return Attachment.fields if isinstance(item, Table) else ()


def units(item: SchemaObject) -> Iterator[Unit]:
    """An object and its aspects."""
    yield item
    yield from aspects(item)


def is_inherited(unit: Unit) -> bool:
    """True for what a parent's own statement makes: an inherited column, constraint or trigger, an attached index."""
    return bool(getattr(unit, "inherited", False) or getattr(unit, "parent", ""))
