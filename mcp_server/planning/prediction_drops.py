"""What goes with an object that is dropped, and which tables are locked for it.

What hangs on a table goes with it; what others made of it (a view, a foreign key of another table) goes by CASCADE alone. Dropping
a foreign key locks both of its tables, for both carry its triggers (RemoveConstraintById() in src/backend/catalog/pg_constraint.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mcp_server.model.schema import (
    Column,
    Constraint,
    Function,
    Index,
    Namespace,
    Policy,
    RewriteRule,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
)
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    UPDATING,
    Fails,
    Ground,
    Part,
    constraint_uses,
    index_uses,
    locked,
)
from mcp_server.planning.units import Attachment, Default, Key, Ownership, Unit, key

_PART_OF_TABLE = (Column, Constraint, Index, Trigger, Policy, RewriteRule, Statistics)


def drop_parts(ground: Ground, roots: Iterable[Key], cascade: bool) -> Iterator[Part]:
    """The locks of dropping units by key, and of all that goes with them; Fails when that needs a CASCADE that is not said."""
    dependencies = Dependencies(ground.schema)
    wanted = tuple(roots)
    gone = _closure(ground, dependencies, wanted, cascade)
    if gone is None:
        yield Fails("other objects depend on it")
        return
    for name in gone:
        unit = dependencies.units.get(name)
        if unit is not None:
            yield from _locks(ground, unit)


def _closure(
    ground: Ground, dependencies: Dependencies, roots: tuple[Key, ...], cascade: bool
) -> dict[Key, None] | None:
    """All that is dropped, None when something stands in the way."""
    gone: dict[Key, None] = {}
    waiting = list(roots)
    pending: dict[Key, None] = {}
    while waiting:
        name = waiting.pop()
        if name in gone or name not in dependencies.units:
            continue
        gone[name] = None
        unit = dependencies.units[name]
        own = tuple(key(one) for one in _own_parts(ground, unit))
        waiting += own
        for user in dependencies.users(name):
            if cascade or _goes_along(unit, dependencies.units[user]):
                waiting.append(user)
            else:
                pending[user] = None
    return None if any(name not in gone for name in pending) else gone


def _own_parts(ground: Ground, unit: Unit) -> Iterator[Unit]:
    """What hangs on a unit and goes with it."""
    if isinstance(unit, Table):
        for kind in _PART_OF_TABLE:
            yield from ground.schema.on(unit.identity, kind)
        yield from (one for one in ground.schema.all(Table) if one.partition_of == unit.identity)
        yield from (one for one in ground.schema.all(Sequence) if one.owned_by.startswith(f"{unit.identity}."))
    elif isinstance(unit, View):
        yield from ground.schema.on(unit.identity, Index)
        yield from ground.schema.on(unit.identity, Trigger)
    elif isinstance(unit, Column):
        yield from (one for one in ground.schema.on(unit.table, Index) if index_uses(one, unit.name))
        yield from (one for one in ground.schema.on(unit.table, Constraint) if constraint_uses(one, unit.name))
        yield from (one for one in ground.schema.all(Sequence) if one.owned_by == unit.identity)
    elif isinstance(unit, Index) and not unit.constraint:
        yield from (one for one in ground.schema.all(Index) if one.parent == unit.identity)


def _goes_along(unit: Unit, user: Unit) -> bool:
    """Whether Postgres drops the user with the unit without being told to cascade."""
    if isinstance(user, Default | Ownership | Attachment):
        return not isinstance(unit, Sequence | Function)
    table = unit.identity if isinstance(unit, Table) else getattr(unit, "table", "")
    if isinstance(unit, Index | Constraint) and isinstance(user, Constraint) and user.kind == "f":
        return user.table == table and isinstance(unit, Constraint) and unit.kind not in "pux"
    if isinstance(unit, Column) and isinstance(user, Policy | Trigger | RewriteRule | Column):
        return False
    return bool(table) and getattr(user, "table", "") == table


def _locks(ground: Ground, unit: Unit) -> Iterator[Part]:
    """The locks that dropping one unit takes on relations."""
    if isinstance(unit, Table | View):
        yield from locked(EXCLUSIVE, unit.identity)
        yield from locked(EXCLUSIVE, getattr(unit, "partition_of", ""))
    elif isinstance(unit, Constraint):
        yield from locked(EXCLUSIVE, unit.table)
        if unit.kind == "f":
            yield from locked(EXCLUSIVE, *ground.family(unit.references))
    elif isinstance(unit, Statistics):
        yield from locked(UPDATING, unit.table)
    elif isinstance(unit, _PART_OF_TABLE):
        yield from locked(EXCLUSIVE, unit.table)
    elif isinstance(unit, Default):
        yield from locked(EXCLUSIVE, unit.item.table)


def in_namespace(ground: Ground, name: str) -> Iterator[Key]:
    """All that lies in a schema."""
    yield (Namespace.word, name)
    for item in ground.schema:
        if getattr(item, "schema", None) == name and hasattr(item, "name"):
            yield key(item)
