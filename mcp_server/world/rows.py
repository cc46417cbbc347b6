"""Generated rows, written into a throw-away copy: what a Schema allows, edge values among them.

Postgres decides: values are offered, checks are evaluated by it, what it refuses is left out, and foreign keys are checked
at the end. The same Schema gives the same rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Schema
from mcp_server.world.row_candidates import COUNT, candidate
from mcp_server.world.row_offers import Offers, Row, Value, in_sql
from mcp_server.world.row_places import Place, places
from mcp_server.world.row_values import Types

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SPARE = 4


@dataclass(frozen=True, slots=True)
class Filled:
    """rows: how many, by table. unfilled: tables that could not be filled, and why."""

    rows: Mapping[str, int] = field(default_factory=dict)
    unfilled: Mapping[str, str] = field(default_factory=dict)


async def fill(
    connection: Connection[Record], schema: Schema, *, count: int = COUNT, only: Collection[str] | None = None
) -> Filled:
    """Fill the tables of a copy that looks like `schema`, at most `count` rows each; those that hold rows stay as they are.

    connection: in no transaction. only: the tables that are wanted, with those that they refer to, and what these cannot
    do without; None for all.
    """
    chosen = _ordered(_wanted(places(schema), only))
    filler = _Filler(connection, Types.of(schema), count, chosen)
    has_triggers_off = await _switch_triggers_off(connection)
    try:
        for place in chosen:
            await filler.fill(place)
        for place in chosen:
            await filler.close_circles(place)
        if has_triggers_off:
            await filler.remove_dangling(chosen)
    finally:
        if has_triggers_off and not connection.is_closed():
            await connection.execute("reset session_replication_role")
    return Filled(await filler.counted(chosen), dict(filler.unfilled))


def _wanted(known: Sequence[Place], only: Collection[str] | None) -> list[Place]:
    if only is None:
        return list(known)
    named = {place.table.identity: place for place in known}
    wanted: set[str] = set()
    reached = [name for name in only if name in named]
    while reached:
        name = reached.pop()
        if name not in wanted:
            wanted.add(name)
            keys = [key for key in named[name].keys if key.references in named]
            reached += [key.references for key in keys if name in only or _is_needed(named[name], key)]
    return [place for place in known if place.table.identity in wanted]


def _is_needed(place: Place, key: Constraint) -> bool:
    """Whether a row may need a parent: by its columns, or by what a check says of them."""
    return not place.may_dangle(key) or any(set(check.columns) & set(key.columns) for check in place.checks)


def _ordered(chosen: Iterable[Place]) -> list[Place]:
    """Parents before children; within a circle by name."""
    waiting = {place.table.identity: place for place in sorted(chosen, key=lambda place: place.table.identity)}
    ordered: list[Place] = []
    while waiting:
        ready = [
            name for name, place in waiting.items()
            if not {key.references for key in place.keys} & waiting.keys() - {name}
        ] or [_least_bound(waiting)]  # fmt: skip
        ordered += [waiting.pop(name) for name in ready]
    return ordered


def _least_bound(waiting: Mapping[str, Place]) -> str:
    """Of a circle, a table that can do without its parents for a while, if there is one."""

    def bound(name: str) -> int:
        place = waiting[name]
        return sum(key.references in waiting and not place.may_dangle(key) for key in place.keys)

    return min(waiting, key=bound)


async def _switch_triggers_off(connection: Connection[Record]) -> bool:
    """Whether triggers, and with them the checking of foreign keys, are off: only a superuser may do that."""
    try:
        await connection.execute("set session_replication_role = replica")
    except asyncpg.PostgresError:
        return False
    return True


class _Filler:
    """Fills tables one after the other. unfilled: why a table has no rows."""

    def __init__(self, connection: Connection[Record], types: Types, count: int, chosen: Sequence[Place]) -> None:
        self.unfilled: dict[str, str] = {}
        self._connection = connection
        self._offers = Offers(connection, types, count * SPARE)
        self._count = count
        self._parent_keys: dict[tuple[str, tuple[str, ...]], list[tuple[Value, ...]]] = {}
        self._places = {place.table.identity: place for place in chosen}
        self._planned: dict[str, Mapping[str, Sequence[Value]]] = {}

    async def fill(self, place: Place) -> None:
        """Put rows into one table, or say in `unfilled` why there are none."""
        name = place.table.identity
        try:
            if await self._connection.fetchval(f"select exists (select from {name})"):
                return
            pools = await self._pools(place)
            missing = [
                one.name for one in place.given if not pools.get(one.name) and not one.nullable and not one.default
            ]
            if missing:
                self.unfilled[name] = f"no value is known for {', '.join(missing)}"
                return
            await self._insert(place, pools)
        except asyncpg.PostgresError as error:
            self.unfilled[name] = str(error)

    async def _pools(self, place: Place) -> Mapping[str, Sequence[Value]]:
        name = place.table.identity
        if name not in self._planned:
            self._planned[name] = await self._offers.pools(place)
        return self._planned[name]

    async def _candidates(
        self,
        place: Place,
        pools: Mapping[str, Sequence[Value]],
        keys: Mapping[str, Sequence[tuple[Value, ...]]],
        turn: int,
    ) -> Sequence[Row]:
        """Some rows more, those that the checks refuse left out."""
        numbers = range(turn * self._count, (turn + 1) * self._count)
        rows = [row for number in numbers if (row := candidate(place, pools, keys, number)) is not None]
        columns = [column for column in place.given if column.name in pools]
        known = {column.name for column in columns}
        several = [check for check in place.checks if len(set(check.columns)) != 1 and set(check.columns) <= known]
        return await self._offers.checked(columns, rows, several)

    async def _parents(self, place: Place, key: Constraint) -> list[tuple[Value, ...]]:
        """The values that a foreign key may take: those of the parent's rows, or of the rows that it is going to have."""
        names = ", ".join(f"cast({quote(name)} as text)" for name in key.referenced_columns)
        there = " and ".join(f"{quote(name)} is not null" for name in key.referenced_columns)
        known = (key.references, key.referenced_columns)
        if known in self._parent_keys:
            return self._parent_keys[known]
        rows = await self._connection.fetch(
            f"select distinct {names} from {key.references} where {there} order by {names} limit $1", self._count
        )
        if rows or place.may_dangle(key):
            found: list[tuple[Value, ...]] = [tuple(row) for row in rows]
            if key.references != place.table.identity and rows:
                self._parent_keys[known] = found
            return found
        parent = self._places.get(key.references)
        pools = await self._pools(parent) if parent else {}
        if not all(pools.get(name) for name in key.referenced_columns):
            return []
        planned = zip(
            *([one for one in pools[name] if one is not None] for name in key.referenced_columns), strict=False
        )
        return list(planned)[: self._count]

    async def _insert(self, place: Place, pools: Mapping[str, Sequence[Value]]) -> None:
        """Insert until there are enough: many at once, one by one when Postgres refuses the many."""
        keys = {key.name: await self._parents(place, key) for key in place.keys}
        inserted, refused, tried = 0, "", 0
        for turn in range(SPARE):
            if inserted >= self._count:
                break
            rows = await self._candidates(place, pools, keys, turn)
            tried += len(rows)
            while rows and inserted < self._count:
                batch, rows = rows[: self._count - inserted], rows[self._count - inserted :]
                count, refusal = await self._insert_some(place, batch)
                inserted, refused = inserted + count, refused or refusal
        if not inserted:
            self.unfilled[place.table.identity] = refused or _nothing_fits(place, tried)

    async def _insert_some(self, place: Place, rows: Sequence[Row]) -> tuple[int, str]:
        try:
            return await self._send(place, rows), ""
        except asyncpg.PostgresError as error:
            if len(rows) == 1:
                return 0, str(error)
        told = [await self._insert_some(place, [row]) for row in rows]
        return sum(count for count, _ in told), next((words for _, words in told if words), "")

    async def _send(self, place: Place, rows: Sequence[Row]) -> int:
        columns = list(rows[0])
        if not columns:
            for _ in rows:
                await self._connection.execute(f"insert into {place.table.identity} default values")
            return len(rows)
        names = ", ".join(quote(name) for name in columns)
        listed = ", ".join(f"({', '.join(in_sql(row[name]) for name in columns)})" for row in rows)
        # ON CONFLICT refuses a table one of whose keys is checked later: https://www.postgresql.org/docs/current/sql-insert.html
        clause = "" if place.is_deferrable else " on conflict do nothing"
        status = await self._connection.execute(f"insert into {place.table.identity} ({names}) values {listed}{clause}")
        return int(status.rpartition(" ")[2])

    async def close_circles(self, place: Place) -> None:
        """Foreign keys that were left empty because their table came first: every second row gets a parent now."""
        for key in place.keys:
            if key.temporal or not place.may_dangle(key):
                continue
            mine = ", ".join(quote(name) for name in key.columns)
            whole = " and ".join(f"{quote(name)} is not null" for name in key.columns)
            theirs = ", ".join(quote(name) for name in key.referenced_columns)
            there = " and ".join(f"{quote(name)} is not null" for name in key.referenced_columns)
            table = place.table.identity
            try:
                if await self._connection.fetchval(f"select exists (select from {table} where {whole})"):
                    continue
                await self._connection.execute(
                    f"update {table} set ({mine}) = (select {theirs} from {key.references} where {there} order by {theirs} limit 1) "
                    f"where ctid in (select ctid from {table} order by ctid limit {self._count // 2})"
                )
            except asyncpg.PostgresError:
                continue  # it stays empty, which the Schema allows

    async def remove_dangling(self, chosen: Sequence[Place]) -> None:
        """Take back rows whose foreign keys lead nowhere, until all of them lead somewhere."""
        again = True
        while again:
            again = False
            for place in chosen:
                for key in place.keys:
                    status = await self._connection.execute(_dangling(place, key))
                    again = again or not status.endswith(" 0")

    async def counted(self, chosen: Sequence[Place]) -> dict[str, int]:
        """How many rows there are, by table, without the empty ones."""
        names = [place.table.identity for place in chosen]
        found = {name: await self._connection.fetchval(f"select count(*) from {name}") for name in names}
        for name, count in found.items():
            if not count:
                self.unfilled.setdefault(name, "no row that was tried could refer to the rows of other tables")
        return {name: count for name, count in found.items() if count}


def _dangling(place: Place, key: Constraint) -> str:
    pairs = list(zip(key.columns, key.referenced_columns, strict=True))
    joined = " and ".join(f"parent.{quote(theirs)} = child.{quote(mine)}" for mine, theirs in pairs)
    there = " and ".join(f"child.{quote(mine)} is not null" for mine, _ in pairs)
    return (
        f"delete from {place.table.identity} child where {there} "
        f"and not exists (select from {key.references} parent where {joined})"
    )


def _nothing_fits(place: Place, tried: int) -> str:
    if place.keys and not tried:
        parents = sorted({key.references for key in place.keys})
        return f"no row can refer to the rows of {', '.join(parents)}"
    return "no row that was tried passes the checks"
