"""What the commands of ALTER TABLE on constraints do.

Source: the ATExec… functions of src/backend/commands/tablecmds.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mcp_server.model.action import Action
from mcp_server.model.names import qualified
from mcp_server.model.schema import Constraint
from mcp_server.planning.prediction_drops import drop_parts
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    ROW_EXCLUSIVE,
    Fails,
    Ground,
    Part,
    built,
    locked,
    scanned,
)
from mcp_server.planning.prediction_partitions import conjuncts, proves_not_null


def verified_not_null(ground: Ground, table: str, column: str) -> Iterator[Part]:
    """The rows are read, unless a valid check proves it: NotNullImpliedByRelConstraints()."""
    found = ground.column(table, column)
    if found is None or (found.nullable and not proves_not_null(tuple(conjuncts(ground, table)), column)):
        yield from scanned(ground, table)


def add_constraint(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    if action.name and ground.constraint(table, action.name) and table == ground.identity(action.relation):
        yield Fails(f"{table} has a constraint {action.name} already")
        return
    yield from _ADDED[action.kind](ground, action, table) if action.kind in _ADDED else ()


def _add_check(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    if not action.flags & {"not valid", "not enforced"}:
        yield from scanned(ground, table)


def _add_not_null(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    if ground.version < 180000:
        yield Fails("NOT NULL has no name before PostgreSQL 18")
    elif "not valid" not in action.flags:
        yield from verified_not_null(ground, table, action.columns[0])


def _add_foreign_key(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    parent = ground.identity(action.references)
    if not parent:
        yield Fails(f"{action.references} does not exist")
        return
    others = ground.family(parent)
    yield from locked(ROW_EXCLUSIVE, *others)
    if not action.flags & {"not valid", "not enforced"}:
        yield from scanned(ground, table, *others)


def _add_key(ground: Ground, action: Action, table: str) -> Iterator[Part]:
    """UNIQUE, PRIMARY KEY and EXCLUDE; a primary key's columns must be proven to hold no null."""
    index = (
        ground.index(action.index) or ground.index(qualified(table.split(".")[0], action.index))
        if action.index
        else None
    )
    if action.index and index is None:
        yield Fails(f"there is no index {action.index}")
        return
    if index is not None and not (index.unique and index.valid and all(index.columns) and not index.predicate):
        yield Fails(f"{action.index} is not a plain unique index")
        return
    if index is None:
        yield from built(ground, table)
    if action.kind == "primary key":
        for column in index.columns if index else action.columns:
            yield from verified_not_null(ground, table, column)


_ADDED: dict[str, Callable[[Ground, Action, str], Iterator[Part]]] = {
    "check": _add_check,
    "not null": _add_not_null,
    "foreign key": _add_foreign_key,
    "unique": _add_key,
    "primary key": _add_key,
    "exclude": _add_key,
}


def validate(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    """Reads the table; a foreign key locks the rows that it leads to by RowShareLock."""
    one = ground.constraint(table, action.name)
    if one is None:
        if table == ground.identity(action.relation):
            yield Fails(f"{table} has no constraint {action.name}")
        return
    if one.validated:
        return
    yield from scanned(ground, table)
    if one.kind == "f":
        yield from locked("RowShareLock", one.references)
        yield from scanned(ground, *ground.family(one.references))


def drop_constraint(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    one = ground.constraint(table, action.name)
    if one is None:
        if table == ground.identity(action.relation) and "if exists" not in action.flags:
            yield Fails(f"{table} has no constraint {action.name}")
        return
    yield from drop_parts(ground, ((Constraint.word, one.identity),), "cascade" in action.flags)


def alter_constraint(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    one = ground.constraint(table, action.name)
    if one is None:
        yield Fails(f"{table} has no constraint {action.name}")
    elif "enforced" in action.flags and not one.enforced:
        yield from locked(EXCLUSIVE, one.references)
        yield from scanned(ground, table, one.references)
    elif "not enforced" in action.flags and one.enforced:
        yield from locked(EXCLUSIVE, one.references)
