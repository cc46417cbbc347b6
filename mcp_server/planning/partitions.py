"""Partitions: when `CREATE TABLE ... PARTITION OF` makes just what is wanted, and when a table has to be attached.

A partition gets an index for each of its parent's, under a name that Postgres chooses. Where the wanted names are
others, the partition is made as a table of its own with its own indexes, and attached: then they are taken over.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.names import object_name, qualified, split
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table, Trigger
from mcp_server.planning.units import Attachment, Key, Unit, is_inherited

_LABELS = {"p": "pkey", "u": "key", "x": "excl"}


def chosen_name(index: Index, schema: Schema) -> str:
    """The name that Postgres gives to an index that it makes on a partition; "" when that cannot be told.

    Source: ChooseIndexName() in src/backend/commands/indexcmds.c.
    """
    table = split(index.table)[1]
    constraint = next((one for one in schema.on(index.table, Constraint) if one.name == index.constraint), None)
    kind = constraint.kind if constraint and index.constraint else ""
    if constraint and index.constraint and not constraint.inherited:
        return ""  # the parent has no such key
    if kind == "p":
        return object_name(table, "", "pkey")
    if not all(index.columns):
        return ""
    return object_name(table, "_".join((*index.columns, *index.include)), _LABELS.get(kind, "idx"))


def follows_parent(index: Index, schema: Schema) -> bool:
    """True for an attached index whose name is the one that Postgres would choose."""
    return bool(index.parent) and index.name == chosen_name(index, schema)


def is_only(index: Index | None, schema: Schema) -> bool:
    """True for an index ON ONLY a partitioned table, which lacks those of some partitions and therefore counts for nothing."""
    table = schema.get(Table, index.table) if index and not index.valid else None
    return table is not None and table.kind == "partitioned"


def index_of(constraint: Constraint, schema: Schema) -> Index | None:
    """The index that carries a key."""
    if constraint.kind not in "pux":
        return None
    return schema.get(Index, qualified(split(constraint.table)[0], constraint.name))


def is_attached_later(index: Index, schema: Schema, made: frozenset[Key]) -> bool:
    """True when neither the making of the parent's index nor that of the partition attaches this one."""
    if not index.parent:
        return False
    if (Index.word, index.parent) in made:
        return is_only(schema.get(Index, index.parent), schema)
    return not {(Table.word, index.table), (Attachment.word, index.table)} & made


def former(index: Index, before: Schema, after: Schema) -> Index | None:
    """What an attached index was called before, when the parent's has an index of its partition under another name already."""
    old, new = before.get(Index, index.parent), after.get(Index, index.parent)
    if old is None or new is None or _shape(old) != _shape(new) or before.get(Index, index.identity) is not None:
        return None
    attached = (one for one in before.on(index.table, Index) if one.parent == index.parent)
    alike = (one for one in attached if bool(one.constraint) == bool(index.constraint))
    return next((one for one in alike if after.get(Index, one.identity) is None), None)


def _shape(index: Index) -> tuple[object, ...]:
    """What every part of a partitioned index has in common with it."""
    return (index.method, index.keys, index.include, index.unique, index.nulls_not_distinct, index.predicate)


def twins(index: Index, schema: Schema) -> Iterator[Index]:
    """The indexes of a partition that say the same as a parent's: Postgres attaches the one that it finds first."""
    for other in schema.on(index.table, Index):
        rivals = bool(other.parent) != bool(index.parent) and not (other.constraint or index.constraint)
        if rivals and other.definition.partition(" ON ")[2] == index.definition.partition(" ON ")[2]:
            yield other


def is_born_attached(table: Table, schema: Schema) -> bool:
    """True when CREATE TABLE ... PARTITION OF gives every index and constraint of the partition its wanted name."""
    parents = {one.name for one in schema.on(table.partition_of, Constraint) if one.kind in "cf"}
    for index in schema.on(table.identity, Index):
        if index.parent and not follows_parent(index, schema) and not is_only(schema.get(Index, index.parent), schema):
            return False
    inherited = (one for one in schema.on(table.identity, Constraint) if one.inherited and one.kind in "cf")
    return all(one.name in parents or one.references.startswith(table.identity) for one in inherited)


def takes_statement(unit: Unit, schema: Schema, made: frozenset[Key]) -> bool:
    """True for a unit that a statement of its own makes; False for one that its parent's statement brings along."""
    if not is_inherited(unit):
        return True
    identity = getattr(unit, "table", "")
    table = schema.get(Table, identity) if (Table.word, identity) in made else None
    attached = bool(table and table.partition_of and not is_born_attached(table, schema))
    if isinstance(unit, Index):
        return attached or not follows_parent(unit, schema) or is_attached_later(unit, schema, made)
    if isinstance(unit, Constraint) and unit.kind in "pux":
        indexes = (one for one in schema.on(identity, Index) if one.constraint == unit.name)
        return any(takes_statement(one, schema, made) for one in indexes)
    if isinstance(unit, Constraint) and unit.kind == "f":
        return False
    return attached and not isinstance(unit, Trigger)


def parent_column(column: Column, schema: Schema) -> Column | None:
    """The column of a parent that an inherited column comes from."""
    table = schema.get(Table, column.table)
    for parent in (table.partition_of, *table.inherits) if table else ():
        for other in schema.on(parent, Column) if parent else ():
            if other.name == column.name:
                return other
    return None


def is_made_by(unit: Unit, other: Unit) -> bool:
    """True when `other` is the parent's unit that makes the inherited `unit`."""
    if isinstance(unit, Constraint) and isinstance(other, Constraint) and unit.kind in "puxf":
        return unit.kind == other.kind and unit.columns == other.columns
    return getattr(unit, "name", "") == getattr(other, "name", "")


def ancestors(table: str, schema: Schema) -> Iterator[str]:
    """The partitioned tables above a partition."""
    own = schema.get(Table, table)
    while own is not None and own.partition_of:
        yield own.partition_of
        own = schema.get(Table, own.partition_of)


def descendants(schema: Schema) -> dict[str, tuple[str, ...]]:
    """The children of every table that has some."""
    found: dict[str, list[str]] = {}
    for table in schema.all(Table):
        for parent in (table.partition_of, *table.inherits):
            if parent:
                found.setdefault(parent, []).append(table.identity)
    return {parent: tuple(children) for parent, children in found.items()}
