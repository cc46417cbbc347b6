"""UNIQUE and PRIMARY KEY by an index that was built while rows were written.

https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.change import Added
from mcp_server.model.names import qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Constraint, Index
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece
from mcp_server.planning.safe.index import beside, concurrently, drop, named

_WORDS = {"u": "UNIQUE", "p": "PRIMARY KEY"}


def has_form(constraint: Constraint, ground: Ground) -> bool:
    """Whether there is one: not for partitioned tables, and not for keys WITHOUT OVERLAPS, which no plain index has."""
    return constraint.kind in _WORDS and not constraint.temporal and not ground.is_partitioned(constraint.table)


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """An index, and the constraint that takes it over."""
    item = step.change.item
    if not isinstance(item, Constraint) or not isinstance(step.change, Added) or not has_form(item, ground):
        return
    index = index_of(item, ground)
    if index is None or " ADD CONSTRAINT " not in step.sql:
        return
    gone = f"ALTER TABLE {item.table} DROP CONSTRAINT IF EXISTS {quote(item.name)}"
    yield piece(step, gone, ACCESS_EXCLUSIVE, "a run that was cut off may have come as far as that")
    yield drop(step, index.identity)
    yield piece(step, concurrently(index.definition), why=step.why)
    sql = f"ALTER TABLE {item.table} ADD {taking_over(item, item.name)}"
    yield piece(step, sql, ACCESS_EXCLUSIVE, "the index is there: no row is read", main=True)


def swap(gone: Step, made: Step, ground: Ground) -> Iterator[Step]:
    """A constraint of another definition under the same name: guarded by the old one until the new one is there."""
    item = made.change.item
    assert isinstance(item, Constraint)
    index = index_of(item, ground)
    assert index is not None
    schema, name = split(index.identity)
    other = qualified(schema, beside(name))
    yield drop(made, other)
    yield piece(made, named(concurrently(index.definition), beside(name)), why=made.why)
    sql = (
        f"ALTER TABLE {item.table} DROP CONSTRAINT IF EXISTS {quote(item.name)}, ADD {taking_over(item, beside(name))}"
    )
    yield piece(made, sql, ACCESS_EXCLUSIVE, "the index is there: no row is read", main=True)


def index_of(constraint: Constraint, ground: Ground) -> Index | None:
    """The index that carries a constraint."""
    indexes = (*ground.after.on(constraint.table, Index), *ground.before.on(constraint.table, Index))
    return next((one for one in indexes if one.constraint == constraint.name), None)


def taking_over(item: Constraint, index: str) -> str:
    """`CONSTRAINT ... UNIQUE USING INDEX ...`; Postgres gives the index the constraint's name."""
    timing = " DEFERRABLE" * item.deferrable + " INITIALLY DEFERRED" * item.deferred
    return f"CONSTRAINT {quote(item.name)} {_WORDS[item.kind]} USING INDEX {quote(index)}{timing}"
