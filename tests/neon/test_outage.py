"""Cached statements, a pooler and a migration: the outage, the findings that foretell it, and both cures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mcp_server.model.design import Flavour
from mcp_server.operations.review import review_migration
from mcp_server.render.database_module import render_database
from mcp_server.rules import judge
from mcp_server.world.code import read_code
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from tests.neon.ground import Ground
from tests.opened import open_project

pytestmark = pytest.mark.anyio

ASKED = text("select id, title from task")
CHANGE = "alter table task alter column title type text"


def engine_of(neon: Ground, **arguments: Any) -> AsyncEngine:
    """An application's engine on the pooled host; the certificate is left unchecked for brevity."""
    url = neon.url(pooled=True, query="ssl=require").replace("postgresql:", "postgresql+asyncpg:")
    return create_async_engine(url, pool_pre_ping=True, connect_args=arguments)


async def titles(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        return [row.title for row in await connection.execute(ASKED)]


async def outcome(engine: AsyncEngine) -> str:
    try:
        return str(await titles(engine))
    except DBAPIError as error:
        return str(error.orig)


@pytest.fixture
async def tasks(neon: Ground) -> Ground:
    """A table in use, by as many server connections as the pooler keeps."""
    connection = await connect(neon.url())
    await connection.execute("create table task (id int, title varchar(50)); insert into task values (1, 'write')")
    await connection.close()
    return neon


async def migrate(neon: Ground) -> None:
    connection = await connect(neon.url(pooled=True))
    await connection.execute(CHANGE)
    await connection.close()


async def test_cached_statements_behind_the_pooler_fail_for_every_client_old_and_new(tasks: Ground) -> None:
    one = engine_of(tasks)
    assert await titles(one) == ["write"]
    await migrate(tasks)
    for _ in range(3):
        assert "cached" in await outcome(one)
    other = engine_of(tasks)
    assert "cached" in await outcome(other)
    await one.dispose()
    assert "cached" in await outcome(one)

    await tasks.ask(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'pgbouncer' and datname = current_database()"
    )
    fresh = engine_of(tasks)
    assert await titles(fresh) == ["write"]
    for engine in (one, other, fresh):
        await engine.dispose()


async def test_with_both_caches_off_the_same_migration_hurts_nobody(tasks: Ground) -> None:
    by_rule = engine_of(tasks, statement_cache_size=0, prepared_statement_cache_size=0)
    module: dict[str, Any] = {"__name__": "db"}
    exec(compile(render_database(Flavour((3, 12), (0, 0, 50), (2, 1, 9))), "db.py", "exec"), module)
    address, arguments = module["read_target"](tasks.url(pooled=True))
    designed = create_async_engine(address, connect_args=arguments)
    for engine in (by_rule, designed):
        assert await titles(engine) == ["write"]
    await migrate(tasks)
    for engine in (by_rule, designed):
        assert await titles(engine) == ["write"]
        await engine.dispose()


async def test_on_the_direct_host_a_client_fails_once_and_heals(tasks: Ground) -> None:
    connection = await asyncpg.connect(tasks.url(query="sslmode=require"))
    assert len(await connection.fetch("select id, title from task")) == 1
    await migrate(tasks)
    assert len(await connection.fetch("select id, title from task")) == 1
    await connection.close()


async def test_the_review_of_the_migration_foretells_it(tasks: Ground, sandboxes: Sandboxes, tmp_path: Path) -> None:
    workspace = open_project(tmp_path, sandboxes, database_url=tasks.url(pooled=True), cache=tmp_path / "cache")
    answer = await review_migration(workspace, sql=CHANGE)
    await (await workspace.live()).close()
    assert "M210" in answer.text
    assert "behind a pooler, for every client" in answer.text


def test_the_review_of_the_code_foretells_it(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text(
        "from sqlalchemy.ext.asyncio import create_async_engine\n"
        'engine = create_async_engine("postgresql+asyncpg://app@ep-a-b-1-pooler.eu.aws.neon.tech/d", pool_pre_ping=True)\n'
    )
    assert "C112" in {finding.code for finding in judge(read_code(tmp_path)).findings}
