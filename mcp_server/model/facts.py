"""What follows from a Schema as a whole: which tables point here, which are parts of that, what an index serves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mcp_server.model import schema as objects
from mcp_server.model.schema import Column, Constraint, Enum, Index, Policy, Schema, Table, View
from mcp_server.model.usage import RelationUsage, Usage

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Facts:
    """A Schema with its usage and with what joins its objects, gathered once.

    partitions: the direct ones of each partitioned table. incoming: the foreign keys that point at a table. sequences: by
    the column that owns them. dependents: views that read a relation, where they are known. usage: None for a schema that
    is not a live one.
    """

    schema: Schema
    usage: Usage | None = None
    partitions: Mapping[str, tuple[Table, ...]] = field(default_factory=dict)
    incoming: Mapping[str, tuple[Constraint, ...]] = field(default_factory=dict)
    sequences: Mapping[str, objects.Sequence] = field(default_factory=dict)
    dependents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def usage_of(self, table: Table | View) -> RelationUsage | None:
        """The usage of a relation, for a partitioned table that of all its parts together; None when unknown."""
        if self.usage is None:
            return None
        parts = [self.usage.relations.get(name) for name in self._leaves(table.identity)]
        known = [part for part in parts if part is not None]
        if len(known) < 2:
            return known[0] if known else None
        counted = [part.rows for part in known if part.rows is not None]
        sizes = [part.size for part in known if part.size is not None]
        return RelationUsage(
            rows=sum(counted) if counted else None,
            size=sum(sizes) if sizes else None,
            exact=all(part.exact for part in known),
            index_size=sum(part.index_size or 0 for part in known),
            scans=sum(part.scans for part in known),
            index_scans=sum(part.index_scans for part in known),
            inserted=sum(part.inserted for part in known),
            updated=sum(part.updated for part in known),
            deleted=sum(part.deleted for part in known),
            dead_rows=sum(part.dead_rows for part in known),
        )

    def _leaves(self, identity: str) -> tuple[str, ...]:
        parts = self.partitions.get(identity, ())
        return tuple(leaf for part in parts for leaf in self._leaves(part.identity)) if parts else (identity,)


def gather(
    schema: Schema,
    usage: Usage | None = None,
    partitions: Iterable[Table] = (),
    incoming: Iterable[Constraint] = (),
    dependents: Mapping[str, tuple[str, ...]] | None = None,
) -> Facts:
    """The facts of a Schema. What a Schema of a few tables cannot tell of its neighbours may be given."""
    tables = {table.identity: table for table in (*schema.all(Table), *partitions)}
    keys = {key.identity: key for key in (*schema.all(Constraint), *incoming) if key.kind == "f" and not key.inherited}
    return Facts(
        schema=schema,
        usage=usage,
        partitions=_grouped((table.partition_of, table) for table in tables.values() if table.partition_of),
        incoming=_grouped((key.references, key) for key in keys.values()),
        sequences={item.owned_by: item for item in schema.all(objects.Sequence) if item.owned_by},
        dependents=dependents if dependents is not None else _dependents(schema),
    )


def _grouped(pairs: Iterable[tuple[str, Item]]) -> dict[str, tuple[Item, ...]]:
    groups: dict[str, list[Item]] = {}
    for key, item in pairs:
        groups.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in groups.items()}


_NAME = re.compile(r"""(?:"(?:[^"]|"")+"|[\w$]+)\.(?:"(?:[^"]|"")+"|[\w$]+)""")


def _dependents(schema: Schema) -> dict[str, tuple[str, ...]]:
    """Views by the relations that their queries name; deparsed queries name every relation with its schema."""
    relations = frozenset(schema.groups)
    return _grouped(
        (name, view.identity)
        for view in schema.all(View)
        for name in sorted(relations.intersection(_NAME.findall(view.definition)))
    )


def serves(index: Index, columns: Sequence[str]) -> bool:
    """Whether an index finds all rows with given values in these columns: valid, whole, and starting with them.

    A partial index that leaves out nothing but NULL in one of the columns serves, because a foreign key never asks for it.
    """
    start = index.columns[: len(columns)]
    whole = index.predicate in ("", *(f"({name} IS NOT NULL)" for name in columns))
    return index.valid and whole and index.method in ("btree", "hash") and sorted(start) == sorted(columns)


def unserved(schema: Schema, table: str) -> tuple[Constraint, ...]:
    """The foreign keys of a table that no index serves: deleting a referenced row scans the whole table."""
    indexes = schema.on(table, Index)
    return tuple(
        key
        for key in schema.on(table, Constraint)
        if key.kind == "f" and not any(serves(index, key.columns) for index in indexes)
    )


def primary_key(schema: Schema, table: str) -> tuple[str, ...]:
    """The columns of a table's primary key; () without one."""
    return next((key.columns for key in schema.on(table, Constraint) if key.kind == "p"), ())


def enums_of(schema: Schema, tables: Iterable[str]) -> tuple[Enum, ...]:
    """The enums that columns of these tables have as type, also in arrays."""
    used = {column.type.removesuffix("[]") for table in tables for column in schema.on(table, Column)}
    return tuple(enum for enum in schema.all(Enum) if enum.identity in used)


def unguarded(schema: Schema, table: Table) -> bool:
    """Whether a table has policies that do nothing, because its row security is off."""
    return not table.row_security and bool(schema.on(table.identity, Policy))
