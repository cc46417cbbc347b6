"""Rows put together from values and from the keys of parents: candidates, before Postgres has seen them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import gcd

from mcp_server.model.schema import Constraint
from mcp_server.world.row_offers import Row, Value
from mcp_server.world.row_places import Place

COUNT = 25


def candidate(
    place: Place,
    pools: Mapping[str, Sequence[Value]],
    keys: Mapping[str, Sequence[tuple[Value, ...]]],
    number: int,
) -> Row | None:
    """Candidate number so and so; None when it would repeat a key or lacks a parent."""
    row: Row = {}
    for order, key in enumerate(place.keys):
        if not _refer(row, key, keys[key.name], number + order * (number // COUNT), place.may_dangle(key)):
            return None
    home = place.homes[number % len(place.homes)] if place.homes else {}
    for position, column in enumerate(place.given):
        pool = pools.get(column.name)
        if column.name in row or not pool:
            continue
        if column.name in home:
            row[column.name] = home[column.name]
        elif column.name not in place.unique:
            row[column.name] = _mixed(pool, number, position)
        elif number < len(pool):
            row[column.name] = pool[number]
        else:
            return None
    return row


def _mixed(pool: Sequence[Value], number: int, position: int) -> Value:
    """Every edge value within the first rows, and other neighbours in each round."""
    used = pool[:COUNT]
    stride = 2 * (position % 5) + 1
    stride = stride if gcd(stride, len(used)) == 1 else 1
    return used[(number * stride + position * (1 + number // len(used))) % len(used)]


def _refer(
    row: Row, key: Constraint, parents: Sequence[tuple[Value, ...]], number: int, may_dangle: frozenset[str]
) -> bool:
    """Let a row refer to a parent that agrees with what it has already; now and then, or for want of one, to none."""
    given = [(position, row[name]) for position, name in enumerate(key.columns) if name in row]
    fitting = [one for one in parents if all(one[position] == value for position, value in given)] if given else parents
    emptied = may_dangle - row.keys()
    if fitting and not (emptied and number % 5 == 4):
        row.update(zip(key.columns, fitting[number % len(fitting)], strict=True))
        return True
    row.update(dict.fromkeys(sorted(emptied)))
    return bool(emptied) or any(row.get(name, "") is None for name in key.columns)
