"""Indexes that exist in the planner's mind alone, by the extension HypoPG where a database has it.

They live in the memory of one session, nothing is written, and plain EXPLAIN alone sees them; B-tree, BRIN, hash and bloom
indexes can be made up. https://hypopg.readthedocs.io/en/rel1_stable/usage.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import Refused
from mcp_server.model.trial import BuiltIndex
from mcp_server.world.catalog import read_rows
from mcp_server.world.database import finish, read_only

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_PLACE = """select quote_ident(n.nspname) as schema from pg_extension e join pg_namespace n on n.oid = e.extnamespace
            where e.extname = 'hypopg'"""


async def hypopg_schema(connection: Connection) -> str:
    """The schema of HypoPG in a database, as SQL writes it; "" when it is not installed there."""
    rows = await read_rows(connection, _PLACE)
    return str(rows[0]["schema"]) if rows else ""


@asynccontextmanager
async def made_up(connection: Connection, schema: str, statements: Sequence[str]) -> AsyncIterator[list[BuiltIndex]]:
    """Indexes that plain EXPLAIN sees for the length of a block. schema: HypoPG's. Raises Refused for a kind it cannot do."""
    await connection.fetch(f"select {schema}.hypopg_reset()")
    try:
        yield [await _make_up(connection, schema, sql) for sql in statements]
    finally:
        if not connection.is_closed():
            await finish(connection.fetch(f"select {schema}.hypopg_reset()"))


async def _make_up(connection: Connection, schema: str, sql: str) -> BuiltIndex:
    create = f"select indexrelid::int8 as oid, indexname::text as name from {schema}.hypopg_create_index($1)"
    try:
        async with read_only(connection) as guarded:
            row = await guarded.fetchrow(create, sql)
    except asyncpg.PostgresError as error:
        raise Refused(
            f"HypoPG cannot make up this index: {error.args[0] if error.args else error} ({sql[:200]}).",
            "Try it on a branch or a restored backup: give its URL as DBARCH_DATABASE_URL.",
        ) from error
    assert row is not None
    return BuiltIndex(sql, row["name"], 0, (row["oid"],), (row["name"],))
