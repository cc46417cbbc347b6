"""Throw-away databases come, go, and leave nothing behind."""

from __future__ import annotations

import asyncpg
import pytest

from mcp_server.world.sandbox import Sandbox, Sandboxes

pytestmark = pytest.mark.anyio


@pytest.mark.every_postgres
async def test_a_fresh_database_is_empty_and_of_the_wanted_version(
    postgres: str, database: Sandbox, connection: asyncpg.Connection
) -> None:
    assert database.server_version // 10000 == int(postgres)
    assert await connection.fetchval("select current_database()") == database.name
    assert await connection.fetchval("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    assert await connection.fetchval("show timezone") == "UTC"


async def test_two(sandboxes: Sandboxes, connection: asyncpg.Connection) -> None:
    assert await connection.fetchval("select 1") == 1
