"""Keys and foreign keys of partitioned tables: made on each partition while rows are written, then on the parent.

A constraint that is added to a parent takes over those of its partitions that are like it, and reads no row of theirs:
https://www.postgresql.org/docs/current/sql-altertable.html and DefineIndex(), addFkRecurseReferencing() in
src/backend/commands. From PostgreSQL 18 on a foreign key may be NOT VALID on the parent itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Altered
from mcp_server.model.deparsed import stable
from mcp_server.model.names import object_name, quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint, Index, Table
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece
from mcp_server.planning.safe.index import concurrently, drop
from mcp_server.planning.safe.partitions import part_of
from mcp_server.planning.safe.unique import taking_over

LEFT = "a run that was cut off may have come as far as that"
TAKES_OVER = "the partitions have theirs: no row is read"


def has_form(constraint: Constraint, ground: Ground) -> bool:
    """Whether every partition has one of its own that the parent's takes over."""
    if constraint.temporal or constraint.kind not in "puf" or not constraint.enforced or not constraint.validated:
        return False
    return all(leaf.kind == "table" for leaf in leaves(constraint.table, ground))


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """The partitions' constraints, each as on any table in use, then the parent's."""
    item = step.change.item
    if not isinstance(item, Constraint) or not isinstance(step.change, Added) or not ground.is_partitioned(item.table):
        return
    head = f"ALTER TABLE {item.table} ADD CONSTRAINT"
    if not step.sql.startswith(head) or not has_form(item, ground) or (item.kind == "f" and ground.since(18)):
        return
    yield piece(step, _without(item), ACCESS_EXCLUSIVE, LEFT)
    for leaf in leaves(item.table, ground):
        own = of_leaf(leaf, item, ground)
        yield from _proven(step, own) if item.kind == "f" else _built(step, own, leaf, item, ground)
    yield piece(step, step.sql, ACCESS_EXCLUSIVE, TAKES_OVER, main=True)


def loosened(step: Step, ground: Ground) -> Iterator[Step]:
    """DROP NOT NULL on the partitions too: since PostgreSQL 18 a key that was added to one has made NOT NULL its own."""
    change = step.change
    if (
        not isinstance(change, Altered)
        or not isinstance(change.after, Column)
        or not step.sql.endswith(" DROP NOT NULL")
    ):
        return
    column = change.after
    if not ground.is_partitioned(column.table) or not ground.since(18):
        return
    yield piece(step, step.sql, ACCESS_EXCLUSIVE, main=True)
    for table in _descendants(column.table, ground):
        sql = f"ALTER TABLE {table.identity} ALTER COLUMN {quote(column.name)} DROP NOT NULL"
        here = ground.after.get(Column, f"{table.identity}.{quote(column.name)}")
        if here is not None and here.nullable:
            yield piece(step, sql, ACCESS_EXCLUSIVE, "a key of the partition may have made it the partition's own")


def _descendants(table: str, ground: Ground) -> Iterator[Table]:
    for one in ground.after.all(Table):
        if one.partition_of == table:
            yield one
            yield from _descendants(one.identity, ground)


def leaves(table: str, ground: Ground) -> Iterator[Table]:
    """The partitions that hold rows, also those of partitions."""
    return (one for one in _descendants(table, ground) if one.kind != "partitioned")


def of_leaf(leaf: Table, constraint: Constraint, ground: Ground) -> Constraint:
    """The constraint that the parent's brings to a partition; one of our naming for a partition that is to go."""
    own = (one for one in ground.after.on(leaf.identity, Constraint) if one.inherited and is_part(one, constraint))
    name = object_name(leaf.name, constraint.name, "part")
    return next(own, replace(constraint, table=leaf.identity, name=name, inherited=True))


def is_part(constraint: Constraint, parent: Constraint) -> bool:
    """Whether a partition's constraint is what its parent's makes of it."""
    pairs = ((one.kind, one.columns, one.references, one.referenced_columns) for one in (constraint, parent))
    return len(set(pairs)) == 1


def _carrier(constraint: Constraint, ground: Ground) -> Index | None:
    found = (one for one in ground.after.on(constraint.table, Index) if one.constraint == constraint.name)
    return next(found, None)


def _without(constraint: Constraint) -> str:
    return f"ALTER TABLE {constraint.table} DROP CONSTRAINT IF EXISTS {quote(constraint.name)}"


def _built(step: Step, own: Constraint, leaf: Table, parent: Constraint, ground: Ground) -> Iterator[Step]:
    """An index on one partition, and the constraint that takes it over."""
    carrier = _carrier(parent, ground)
    assert carrier is not None
    index = _carrier(own, ground) or replace(part_of(replace(carrier, name=parent.name), leaf, ground), parent="")
    yield piece(step, _without(own), ACCESS_EXCLUSIVE, LEFT)
    yield drop(step, index.identity)
    yield piece(step, concurrently(stable(index.definition)), why=step.why)
    sql = f"ALTER TABLE {own.table} ADD {taking_over(own, index.name)}"
    yield piece(step, sql, ACCESS_EXCLUSIVE, "the index is there: no row is read")


def _proven(step: Step, own: Constraint) -> Iterator[Step]:
    """A foreign key of one partition, in force at once and proven while rows are written."""
    name = quote(own.name)
    added = f"{_without(own)}, ADD CONSTRAINT {name} {own.definition} NOT VALID"
    yield piece(step, added, ACCESS_EXCLUSIVE, "new rows are held to it from here on")
    validate = f"ALTER TABLE {own.table} VALIDATE CONSTRAINT {name}"
    yield piece(step, validate, why=f"rows are read while others write; {step.why}")
