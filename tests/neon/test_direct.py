"""What a pooler would break goes past it: told by what the pooler saw."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from mcp_server.operations.apply import apply_migration
from mcp_server.world.apply_lock import alone
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.urls import read_url
from tests.applying import planned, record
from tests.neon.ground import Ground
from tests.neon.names import resolve_in_processes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

HELD = (
    "select count(*) from pg_locks where locktype = 'advisory' and granted"
    " and database = (select oid from pg_database where datname = current_database())"
)
LOCK = "select pg_try_advisory_lock(4711)"


async def test_a_session_lock_holds_on_the_direct_host_and_not_behind_the_pooler(neon: Ground) -> None:
    for pooled, others in ((False, False), (True, True)):
        one = await connect(neon.url(pooled=True), pooled=pooled)
        other = await connect(neon.url(pooled=True), pooled=pooled)
        assert await one.fetchval(LOCK)
        assert await other.fetchval(LOCK) is others
        await one.execute("set lock_timeout = '4s'")
        assert (await other.fetchval("show lock_timeout") == "4s") is others
        await one.close()
        await other.close()


async def test_the_right_to_apply_is_held_past_the_pooler(neon: Ground) -> None:
    async with alone(read_url(neon.url(pooled=True))):
        assert await neon.ask(HELD) == 1
    assert [visit.pooled for visit in neon.compute.visits] == [False]
    assert neon.pooler.logins == 0


@pytest.mark.parametrize("env", ["", "async_template"])
async def test_migrations_are_applied_past_the_pooler_that_the_url_names(
    neon: Ground, sandboxes: Sandboxes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, env: str
) -> None:
    resolve_in_processes(neon, tmp_path, monkeypatch)
    root = copy_history(tmp_path, env)
    workspace = open_project(root, sandboxes, database_url=neon.url(pooled=True), cache=tmp_path / "cache")
    await record(workspace, "a1", "b2")
    _, digest = await planned(workspace)
    answer = await apply_migration(workspace, plan_hash=digest)
    assert answer.text.startswith("Applied a1, b2 to live ("), answer.text
    assert neon.password not in answer.text
    assert "-pooler" not in answer.text
    assert await neon.ask("select version_num from alembic_version") == "b2"
    assert {visit.pooled for visit in neon.compute.visits} == {False}
    assert neon.pooler.logins == 0


async def test_both_doors_read_past_the_pooler(neon: Ground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_in_processes(neon, tmp_path, monkeypatch)
    monkeypatch.setenv("DATABASE_URL", neon.url(pooled=True))
    monkeypatch.setenv("DBARCH_CACHE_DIR", str(tmp_path / "cache"))
    command = (sys.executable, "-m", "mcp_server", "query-database", "select 40 + 2 as answer", "--format", "json")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    told, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    assert json.loads(told)["rows"] == [["42"]]
    assert neon.password not in told.decode() + complaints.decode()
    assert neon.pooler.logins == 0
    assert {visit.pooled for visit in neon.compute.visits} == {False}
