"""What units take for themselves: names in Postgres's name spaces, and the columns that a key offers to foreign keys."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Function,
    Index,
    Range,
    Sequence,
    Table,
    View,
)
from mcp_server.planning.recipes.identity import sequence_name
from mcp_server.planning.units import Unit, key


def is_key(unit: Unit) -> bool:
    """True for what a foreign key, or a query that groups by a primary key, can rest on."""
    return (isinstance(unit, Constraint) and unit.kind in "pu") or (isinstance(unit, Index) and unit.unique)


def claims(unit: Unit | None) -> frozenset[tuple[str, str]]:
    """The names that a unit takes in Postgres's name spaces: two units with one claim cannot stand side by side."""
    if unit is None:
        return frozenset()
    return frozenset({key(unit), *_shared_names(unit)})


def offered(unit: Unit) -> frozenset[tuple[str, str]]:
    """The columns that a key lets foreign keys lead to. A new foreign key must not rest on a key that goes: Postgres takes the first."""
    if not is_key(unit):
        return frozenset()
    assert isinstance(unit, Constraint | Index)
    return frozenset({_columns_of(unit.table, unit.columns)})


def led_to(unit: Unit) -> frozenset[tuple[str, str]]:
    """The columns that a foreign key leads to."""
    if not isinstance(unit, Constraint) or unit.kind != "f":
        return frozenset()
    return frozenset({_columns_of(unit.references, unit.referenced_columns)})


def _columns_of(table: str, columns: tuple[str, ...]) -> tuple[str, str]:
    return ("key", f"{table}({', '.join(sorted(columns))})")


def _shared_names(unit: Unit) -> Iterator[tuple[str, str]]:
    """Names in the spaces that several kinds share."""
    match unit:
        case Function(schema, name):
            yield ("routine", f"{schema}.{name}({','.join(_tail(one) for one in _split(unit.arguments))})")
        case Column() if unit.identity_kind:
            yield ("relation", sequence_name(unit))
        case Index() | Sequence():
            yield ("relation", unit.identity)
        case Enum() | Domain() | Range():
            yield ("type", unit.identity)
        case Composite() | Table() | View():
            yield ("type", unit.identity)
            yield ("relation", unit.identity)


def _split(arguments: str) -> list[str]:
    return [part.strip() for part in arguments.split(",")]


def _tail(argument: str) -> str:
    """The last word of a parameter, so that parameters that differ in their name alone look the same."""
    return argument.rsplit(" ", 1)[-1]
