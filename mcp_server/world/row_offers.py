"""Values that Postgres takes for the columns of a table: offered, and asked of it type by type and check by check."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.names import literal, quote
from mcp_server.model.schema import Column, Constraint
from mcp_server.world.row_places import Place, hints
from mcp_server.world.row_values import Types, values

if TYPE_CHECKING:
    from asyncpg import Connection, Record

Value = str | None
Row = dict[str, Value]
GUESSES = ("", "0", "1", "a", "{}", "[]", "()", "(0,0)", "a.b", "2024-02-29", "<a/>")


class Offers:
    """Asks Postgres what it takes. wanted: how many values of a type are offered, besides edge values."""

    def __init__(self, connection: Connection[Record], types: Types, wanted: int) -> None:
        self._connection = connection
        self._types = types
        self._wanted = wanted
        self._accepted: dict[str, tuple[str, ...]] = {}

    async def pools(self, place: Place) -> dict[str, Sequence[Value]]:
        """Values for each column that can have one, those that its own checks refuse left out."""
        pools: dict[str, Sequence[Value]] = {}
        for column in place.given:
            own = [check for check in place.checks if set(check.columns) == {column.name}]
            hinted = hints(check.expression for check in place.checks if column.name in check.columns)
            found = [*await self._of_type(column.type, hinted), *await self._values(column.type)]
            found = list(dict.fromkeys(found))
            found = await self._passing(column, found, own) if own else found
            if found:
                may_be_empty = column.nullable and self._types.is_nullable(column.type)
                pools[column.name] = [found[0], None, *found[1:]] if may_be_empty else found
        return pools

    async def _values(self, type_name: str) -> tuple[str, ...]:
        """Values of a type that Postgres takes; asked once for each type."""
        if type_name not in self._accepted:
            offered = [*hints(self._types.checks(type_name)), *values(type_name, self._types, self._wanted)] or GUESSES
            self._accepted[type_name] = tuple(await self._of_type(type_name, offered))
        return self._accepted[type_name]

    async def _of_type(self, type_name: str, offered: Iterable[str]) -> list[str]:
        listed = list(dict.fromkeys(offered))
        if not listed:
            return []
        question = f"select count(cast(v as {type_name})) from unnest($1::text[]) v where length(v) <= $2"
        room = _room(self._types.base(type_name))
        try:
            await self._connection.fetchval(question, listed, room)
            return [one for one in listed if len(one) <= room]
        except asyncpg.PostgresError:
            return [one for one in listed if len(one) <= room and await self._takes(question, one, room)]

    async def _takes(self, question: str, value: str, room: int) -> bool:
        try:
            await self._connection.fetchval(question, [value], room)
        except asyncpg.PostgresError:
            return False
        return True

    async def _passing(self, column: Column, found: Sequence[str], checks: Sequence[Constraint]) -> list[str]:
        rows: list[Row] = [{column.name: one} for one in found]
        return [str(row[column.name]) for row in await self.checked([column], rows, checks)]

    async def checked(
        self, columns: Sequence[Column], rows: Sequence[Row], checks: Sequence[Constraint]
    ) -> Sequence[Row]:
        """The rows that pass checks. Where Postgres cannot evaluate them so, all: the insert will tell."""
        if not rows or not checks:
            return rows
        names = ", ".join(quote(column.name) for column in columns)
        listed = ", ".join(
            f"({number}, {', '.join(f'cast({in_sql(row.get(column.name))} as {column.type})' for column in columns)})"
            for number, row in enumerate(rows)
        )
        passes = " and ".join(f"({check.expression}) is not false" for check in checks)
        try:
            kept = await self._connection.fetch(
                f'select "row of dbarch" from (values {listed}) as t ("row of dbarch", {names}) where {passes}'
            )
        except asyncpg.PostgresError:
            return rows
        return [rows[one[0]] for one in kept]


def _room(type_name: str) -> int:
    """How long a text of that type may be: an explicit cast would cut it in silence."""
    if type_name.startswith(("character varying(", "character(")) and type_name.endswith(")"):
        return int(type_name.partition("(")[2][:-1])
    return 100_000


def in_sql(value: Value) -> str:
    """A value as SQL."""
    return "null" if value is None else literal(value)
