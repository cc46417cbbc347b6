"""The embedded Postgres starts whatever was left behind, is shared, and ends with its last user."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from mcp_server.errors import DatabaseError
from mcp_server.world.cluster import environment
from mcp_server.world.database import connect
from mcp_server.world.embedded import Server
from mcp_server.world.owner import process_start
from mcp_server.world.sandbox import Sandbox, open_sandboxes
from tests.servers import (
    ROOT,
    answer,
    half_made,
    processes_of,
    started,
    wait_for_end,
    wait_for_rest,
)

pytestmark = pytest.mark.anyio


# A user of the server: takes a database, says so, and waits for its end.
USER = """
import asyncio, json, sys
from pathlib import Path
from mcp_server.world.sandbox import open_sandboxes

async def main():
    async with await open_sandboxes(cache=Path(sys.argv[1])) as sandboxes:
        sandbox = await sandboxes.create()
        print(json.dumps({"name": sandbox.name, "port": sandboxes.server.port}), flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def start_user(place: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(place)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def told(user: subprocess.Popen[str]) -> dict[str, Any]:
    assert user.stdout is not None
    words: dict[str, Any] = json.loads(user.stdout.readline())
    return words


def end(user: subprocess.Popen[str], number: int = 0) -> None:
    """Let it finish, or send it a signal; then see it gone."""
    if number:
        user.send_signal(number)
    user.communicate()


def postmaster(server: Server) -> int:
    return int(json.loads((server.home / "server.json").read_text())["pid"])


async def keep_a_row(sandbox: Sandbox) -> None:
    connection = await connect(sandbox.url)
    await connection.execute("create table filled as select 1 as id")
    await connection.close()


async def forbidden(sandbox: Sandbox) -> None:
    raise AssertionError("the template was there already")


# Life


async def test_the_last_user_ends_it_and_the_next_one_finds_its_templates(used: Path) -> None:
    async with await open_sandboxes(cache=used) as first:
        template = await first.template("kept", keep_a_row)
        assert processes_of(used)
    wait_for_rest(used)
    async with await open_sandboxes(cache=used) as second:
        assert await second.template("kept", forbidden) == template


async def test_processes_that_start_at_once_share_one_server(place: Path) -> None:
    users = [start_user(place) for _ in range(4)]
    words = [told(user) for user in users]
    assert len({word["port"] for word in words}) == 1
    assert len({word["name"] for word in words}) == 4
    for user in users:
        end(user)


async def test_a_killed_user_leaves_no_server_and_its_database_is_swept(used: Path) -> None:
    user = start_user(used)
    name = told(user)["name"]
    end(user, signal.SIGKILL)
    wait_for_rest(used)
    async with await open_sandboxes(cache=used) as sandboxes:
        await sandboxes.start()
        connection = await connect(sandboxes.server)
        assert await connection.fetchval("select count(*) from pg_database where starts_with(datname, 'dbarch_')") == 0
        await connection.close()
    assert name


async def test_a_killed_user_does_not_disturb_another(used: Path) -> None:
    async with await open_sandboxes(cache=used) as sandboxes:
        await sandboxes.start()
        user = start_user(used)
        orphan = told(user)["name"]
        end(user, signal.SIGKILL)
        assert await answer(sandboxes) == 42
        assert await sandboxes.sweep() == (orphan,)


async def test_interrupting_the_group_of_a_user_lets_it_clean_up(used: Path) -> None:
    user = start_user(used, stderr=subprocess.DEVNULL)
    told(user)
    os.killpg(user.pid, signal.SIGINT)
    end(user)
    wait_for_rest(used)


async def test_killing_at_random_moments_leaves_nothing(place: Path) -> None:
    chance = random.Random(7)
    for _ in range(8):
        user = start_user(place)
        with pytest.raises(subprocess.TimeoutExpired):
            user.wait(chance.uniform(0.0, 1.6))
        end(user, signal.SIGKILL)
        wait_for_rest(place)
    assert half_made(place) == []
    async with await open_sandboxes(cache=place) as sandboxes:
        assert await answer(sandboxes) == 42
        assert await sandboxes.list_orphans() == ()


# Death


async def test_a_killed_server_is_started_again_with_everything_in_it(used: Path) -> None:
    server = await started(used)
    async with await open_sandboxes(cache=used) as sandboxes:
        template = await sandboxes.template("kept", keep_a_row)
        port, first = sandboxes.server.port, postmaster(server)
        os.kill(first, signal.SIGKILL)
        wait_for_end(first)
        assert await answer(sandboxes) == 42
        assert await sandboxes.template("kept", forbidden) == template
        assert sandboxes.server.port == port
        await server.ensure()
        assert postmaster(server) != first
    server.close()


async def test_a_killed_keeper_takes_its_server_with_it(used: Path) -> None:
    server = await started(used)
    pid, keeper = postmaster(server), json.loads((server.home / "server.json").read_text())["keeper"]
    os.kill(keeper, signal.SIGKILL)
    wait_for_end(pid)
    assert process_start(pid) is None
    await server.ensure()
    assert postmaster(server) != pid
    server.close()


async def test_a_terminated_keeper_stops_its_server(used: Path) -> None:
    server = await started(used)
    pid = postmaster(server)
    os.kill(json.loads((server.home / "server.json").read_text())["keeper"], signal.SIGTERM)
    wait_for_rest(used)
    assert process_start(pid) is None
    server.close()


async def test_a_busy_backend_of_a_killed_server_does_not_stop_the_next_one(used: Path) -> None:
    server = await started(used)
    connection = await connect(server.url())
    busy = asyncio.create_task(
        connection.execute("do $$ declare n int := 0; begin loop n := (n + 1) % 7; end loop; end $$")
    )
    watcher = await connect(server.url())
    while (
        await watcher.fetchval("select count(*) from pg_stat_activity where query like 'do %' and state = 'active'")
        == 0
    ):
        pass
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    await server.ensure()
    other = await connect(server.url())
    assert await other.fetchval("select 1") == 1
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await busy
    for one in (other, watcher, connection):
        one.terminate()
    server.close()


async def crash_the_machine(server: Server) -> None:
    """Kill the server, and have it believe that the machine was started anew since."""
    pid = postmaster(server)
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    server.close()
    wait_for_rest(server.home.parent)
    (server.home / "boot").write_text("another boot")


@pytest.mark.parametrize("durable", [False, True])
async def test_only_durable_data_is_trusted_after_the_machine_went_down(used: Path, durable: bool) -> None:
    server = await started(used, durable=durable)
    connection = await connect(server.url())
    await connection.execute("create table kept (id int)")
    assert await connection.fetchval("show fsync") == ("on" if durable else "off")
    connection.terminate()
    await crash_the_machine(server)
    server = await started(used, durable=durable)
    connection = await connect(server.url())
    assert (await connection.fetchval("select to_regclass('kept')") is not None) == durable
    await connection.close()
    server.close()


@pytest.mark.parametrize("durable", [False, True])
async def test_data_that_does_not_start_is_made_anew_unless_it_is_the_users(used: Path, durable: bool) -> None:
    server = await started(used, durable=durable)
    server.close()
    wait_for_rest(used)
    (server.home / "data" / "global" / "pg_control").write_bytes(b"broken")
    if durable:
        with pytest.raises(DatabaseError, match="could not be started"):
            await started(used, durable=True)
        assert (server.home / "data" / "PG_VERSION").exists()
    else:
        server = await started(used)
        server.close()


async def test_a_port_that_was_taken_meanwhile_is_replaced(used: Path) -> None:
    server = await started(used)
    port = server.port
    server.close()
    wait_for_rest(used)
    thief = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", port)
    async with thief:
        server = await started(used)
        assert server.port != port
        server.close()


def test_the_server_knows_nothing_of_the_environment_that_it_was_started_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "NEON_API_KEY", "PGPASSWORD", "PGHOST"):
        monkeypatch.setenv(name, "geheim")
    given = environment()
    assert "geheim" not in given.values()
    assert given["PATH"] == os.environ["PATH"]
