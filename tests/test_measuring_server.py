"""A copy with rows is measured on a server that holds as many pages in memory as live, as far as there is room."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.world.database import connect
from mcp_server.world.measuring_server import MB, buffers_wanted, free_memory, measuring_sandboxes
from mcp_server.world.sandbox import Sandboxes, open_sandboxes
from tests.opened import open_project
from tests.servers import processes_of, wait_for_rest

pytestmark = pytest.mark.anyio


async def shown(sandboxes: Sandboxes) -> str:
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        found: str = await connection.fetchval("show shared_buffers")
        await connection.close(timeout=5)
        return found


def test_no_more_than_live_has_than_the_rows_fill_and_than_is_free() -> None:
    assert buffers_wanted(2048, 4000, 100_000) == 2048
    assert buffers_wanted(3000, 4000, 100_000) == 2048
    assert buffers_wanted(8192, 100, 100_000) == 256
    assert buffers_wanted(8192, 4000, 2200) == 512
    assert buffers_wanted(128, 4000, 100_000) == 0
    assert buffers_wanted(8192, 10, 100_000) == 0
    assert buffers_wanted(8192, 4000, 0) == 0


def test_the_free_memory_is_a_part_of_the_machine() -> None:
    assert 0 < free_memory() < 2**50


async def test_a_server_apart_holds_as_much_as_live_and_ends_with_the_block(sandboxes: Sandboxes, place: Path) -> None:
    ours = place / "ours"
    ours.mkdir(mode=0o711)
    workspace = open_project("history", sandboxes, cache=ours)
    async with await open_sandboxes(cache=place / "live", buffers_mb=256) as live, live.lend() as sandbox:
        connection = await connect(sandbox.url)
        async with measuring_sandboxes(workspace, connection, 10 * MB) as (found, note):
            assert (found, note) == (sandboxes, "")
        assert not processes_of(ours)
        async with measuring_sandboxes(workspace, connection, 100 * MB) as (apart, note):
            assert (await shown(apart), note) == ("256MB", "")
            assert processes_of(ours)
        wait_for_rest(ours)
        await connection.close(timeout=5)


async def test_where_the_system_refuses_the_memory_the_usual_server_does_and_that_is_told(
    sandboxes: Sandboxes, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = open_project("history", sandboxes, cache=place / "ours")
    monkeypatch.setattr("mcp_server.world.measuring_server.buffers_wanted", lambda *_: 1 << 30)  # a petabyte
    async with await open_sandboxes(cache=place / "live", buffers_mb=256) as live, live.lend() as sandbox:
        connection = await connect(sandbox.url)
        async with measuring_sandboxes(workspace, connection, 200 * MB) as (found, note):
            assert found is sandboxes
            assert "held 128 MB" in note
            assert "up to 256" in note
        await connection.close(timeout=5)
