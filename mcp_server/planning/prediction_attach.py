"""Partitions that come and go: which tables are locked, and which are read to see that the rows fit.

Source: ATExecAttachPartition(), ATExecDetachPartition() and QueuePartitionConstraintValidation() in src/backend/commands/tablecmds.c,
check_default_partition_contents() in src/backend/partitioning/partbounds.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.schema import Constraint, Index, Table
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    ROW_EXCLUSIVE,
    UPDATING,
    Fails,
    Ground,
    Part,
    built,
    locked,
    scanned,
)
from mcp_server.planning.prediction_partitions import is_excluded, is_implied


def create_partition(ground: Ground, action: Action) -> Iterator[Part]:
    """CREATE TABLE … PARTITION OF: the parent is locked wholly, and so is its default partition, whose rows might belong elsewhere now."""
    parent = ground.table(ground.identity(action.references))
    if parent is None or parent.kind != "partitioned":
        yield Fails(f"{action.references} is no partitioned table")
        return
    yield from locked(EXCLUSIVE, parent.identity)
    yield from _default_checked(ground, parent, action)
    yield from _keys_cloned(ground, parent.identity)


def attach(ground: Ground, action: Action) -> Iterator[Part]:
    """ALTER TABLE … ATTACH PARTITION."""
    parent, child = ground.table(ground.identity(action.relation)), ground.identity(action.references)
    if parent is None or not child:
        return
    if parent.kind != "partitioned":
        yield Fails(f"{action.relation} is no partitioned table")
        return
    yield from locked(UPDATING, parent.identity)
    family = ground.family(child)
    yield from locked(EXCLUSIVE, *family)
    if not is_implied(ground, child, parent.partition_by, action.expression) and not _is_first_default(
        ground, parent, action
    ):
        yield from scanned(ground, *family)
    yield from _default_checked(ground, parent, action)
    yield from _indexes_made(ground, parent.identity, child)
    for one in ground.foreign_keys_of(parent.identity):
        yield from locked(ROW_EXCLUSIVE, one.references)
        if one.validated and not any(_is_same_key(one, other) for other in ground.foreign_keys_of(child)):
            yield from scanned(ground, child, one.references)
    yield from _referencing(ground, parent.identity)


def detach(ground: Ground, action: Action) -> Iterator[Part]:
    """ALTER TABLE … DETACH PARTITION. CONCURRENTLY is two short transactions; between them, where it waits for others, it holds no lock."""
    parent, child = ground.identity(action.relation), ground.identity(action.references)
    found = ground.table(child)
    if found is None or found.partition_of != parent:
        yield Fails(f"{action.references} is no partition of {action.relation}")
        return
    if "concurrently" in action.flags:
        return
    if "finalize" in action.flags:
        yield from locked(UPDATING, parent)
        yield from locked(EXCLUSIVE, child)
        return
    yield from locked(EXCLUSIVE, parent, child)
    yield from locked(EXCLUSIVE, *(one.identity for one in _default_of(ground, parent)))
    for one in ground.foreign_keys_of(child):
        yield from locked(ROW_EXCLUSIVE, one.references)


def _default_of(ground: Ground, parent: str) -> tuple[Table, ...]:
    return tuple(
        one
        for one in ground.schema.all(Table)
        if one.partition_of == parent and one.partition_bound.upper() == "DEFAULT"
    )


def _is_first_default(ground: Ground, parent: Table, action: Action) -> bool:
    """A default partition beside no other takes every row."""
    others = any(one.partition_of == parent.identity for one in ground.schema.all(Table))
    return action.expression == "default" and not others


def _default_checked(ground: Ground, parent: Table, action: Action) -> Iterator[Part]:
    """The default partition is read, unless its own checks keep such rows out."""
    for one in _default_of(ground, parent.identity):
        family = ground.family(one.identity)
        yield from locked(EXCLUSIVE, *family)
        if not is_excluded(ground, one.identity, parent.partition_by, action.expression):
            yield from scanned(ground, *family)


def _keys_cloned(ground: Ground, parent: str) -> Iterator[Part]:
    """A partition gets the parent's foreign keys, and those that lead to the parent lead to it, too."""
    for one in ground.foreign_keys_of(parent):
        yield from locked(ROW_EXCLUSIVE, one.references)
    yield from _referencing(ground, parent)


def _referencing(ground: Ground, parent: str) -> Iterator[Part]:
    for one in ground.foreign_keys_to(parent):
        yield from locked(ROW_EXCLUSIVE, one.table)


def _is_same_key(one: Constraint, other: Constraint) -> bool:
    return (one.columns, one.references, one.referenced_columns, one.validated) == (
        other.columns, other.references, other.referenced_columns, other.validated,
    )  # fmt: skip


def _indexes_made(ground: Ground, parent: str, child: str) -> Iterator[Part]:
    """The child gets an index for each of the parent's that none of its own matches."""
    taken: set[str] = set()
    for wanted in ground.indexes(parent):
        match = next(
            (one for one in ground.indexes(child) if one.identity not in taken and _is_alike(wanted, one)), None
        )
        if match is not None:
            taken.add(match.identity)
        else:
            yield from built(ground, *ground.family(child))


def _is_alike(wanted: Index, have: Index) -> bool:
    """CompareIndexInfo(): same method, keys, INCLUDE columns, predicate, and a constraint where the parent has one."""
    fields = ("method", "keys", "include", "unique", "predicate", "nulls_not_distinct")
    same = all(getattr(wanted, name) == getattr(have, name) for name in fields)
    return same and have.valid and bool(wanted.constraint) <= bool(have.constraint)
