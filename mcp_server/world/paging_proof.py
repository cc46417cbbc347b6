"""The same page asked for by offset and by key, on data: the rows held against each other, both timed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.model.names import literal
from mcp_server.model.paging import Paging, Proof
from mcp_server.model.query_json import read_plan
from mcp_server.world.database import translating
from mcp_server.world.paging_text import last_row_before, next_page, page_by_offset
from mcp_server.world.placeholders import substitute

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

RUNS = 3


async def prove_page(
    connection: Connection, sql: str, paging: Paging, values: Mapping[int, str], where: str
) -> Proof | None:
    """Ask for the page of a query both ways; None when no row stands before the page. connection: inside of guards.

    values: SQL for the query's own `$n`. where: on what it is tried, for people. Raises DatabaseError.
    """
    with translating("asking for a page by its key"):
        before = await connection.fetchrow(substitute(last_row_before(sql, paging), values)[0])
        if before is None:
            return None
        cursor = {
            paging.first + place: f"null::{key.type}" if text is None else f"{literal(text)}::{key.type}"
            for place, (key, text) in enumerate(zip(paging.keys, before, strict=True))
        }
        by_offset = substitute(page_by_offset(sql, paging), values)[0]
        by_key = substitute(next_page(sql, paging), {**values, **cursor})[0]
        rows = await _rows(connection, by_offset)
        same = rows == await _rows(connection, by_key)
        return Proof(len(rows), same, where, await _time(connection, by_offset), await _time(connection, by_key))


async def _rows(connection: Connection, sql: str) -> list[str]:
    """The rows of a query in their order, each as text."""
    found = await connection.fetch(f"select dbarch_row::text as line from ({sql}) as dbarch_row")
    return [row["line"] for row in found]


async def _time(connection: Connection, sql: str) -> float:
    """Milliseconds of the quickest of a few runs."""
    runs = [await connection.fetchval(f"explain (analyze, format json) {sql}") for _ in range(RUNS)]
    return min(read_plan(document).total_ms for document in runs)
