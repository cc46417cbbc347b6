"""A compute that falls asleep under a migration leaves it whole or not begun, and the next call finishes it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mcp_server.operations.apply import apply_migration
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.applying import applied, planned, record, wait_until
from tests.neon.ground import Ground
from tests.neon.names import resolve_in_processes
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"
COLUMN = "select count(*) from pg_attribute where attrelid = 'authors'::regclass and attname = 'born'"


async def test_a_suspend_under_a_revision_leaves_nothing_half_done_and_the_next_apply_finishes(
    neon: Ground, sandboxes: Sandboxes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_in_processes(neon, tmp_path, monkeypatch)
    root = copy_history(tmp_path)
    workspace = open_project(root, sandboxes, database_url=neon.url(pooled=True), cache=tmp_path / "cache")
    await record(workspace, "a1", "b2")
    await applied(workspace, revision="a1")
    _, digest = await planned(workspace)
    holder = await connect(neon.sandbox)
    await holder.execute("begin; lock authors in share mode")
    applying = asyncio.create_task(apply_migration(workspace, plan_hash=digest, lock_timeout_ms=60_000))
    waits = "not granted and mode = 'AccessExclusiveLock' and relation = 'authors'::regclass"
    here = "database = (select oid from pg_database where datname = current_database())"
    await wait_until(Sandbox("", neon.sandbox, 0), f"exists (select from pg_locks where {waits} and {here})")
    await neon.suspend()
    holder.terminate()
    said = (await applying).text

    assert "The database is at a1; nothing of b2 remains." in said
    assert neon.password not in said
    assert "Nothing is wrong with the revision" in said
    assert (await neon.ask(VERSION), await neon.ask(COLUMN)) == ("a1", 0), said
    assert (await applied(workspace)).text.startswith("Applied b2 to live (")
    assert (await neon.ask(VERSION), await neon.ask(COLUMN)) == ("b2", 1)
    assert neon.pooler.logins == 0
