"""Throw-away databases come, go, and leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from mcp_server.errors import ConfigError, DatabaseError, NotFound, PermissionDenied, StatementFailed
from mcp_server.world import owner
from mcp_server.world.database import connect
from mcp_server.world.sandbox import TEMPLATES_KEPT, Sandbox, Sandboxes, open_sandboxes
from mcp_server.world.urls import read_url

pytestmark = pytest.mark.anyio

Connection = asyncpg.Connection


async def names(sandboxes: Sandboxes) -> set[str]:
    """Every database of the server but Postgres's own."""
    connection = await connect(server_url(sandboxes))
    rows = await connection.fetch(
        "select datname from pg_database where datname not in ('postgres', 'template0', 'template1')"
    )
    await connection.close()
    return {row["datname"] for row in rows}


def server_url(sandboxes: Sandboxes, **parts: str) -> str:
    return replace(sandboxes.server, **parts).url()


async def one_table(sandbox: Sandbox) -> None:
    """A fill: the table `filled` with one row."""
    connection = await connect(sandbox.url)
    await connection.execute("create table filled as select 1 as id")
    await connection.close()


async def nothing(sandbox: Sandbox) -> None:
    """A fill that leaves the database empty."""


async def rows_of(sandboxes: Sandboxes, template: str) -> int:
    """How many rows a copy of the template has in `filled`."""
    async with sandboxes.lend(template) as sandbox:
        connection = await connect(sandbox.url)
        count = await connection.fetchval("select count(*) from filled")
        await connection.close()
        return int(count)


async def first_of(task: asyncio.Task[object], inside: asyncio.Event) -> None:
    """Until the event is set; a task that ended before that fails the test instead of hanging it."""
    waiting = asyncio.create_task(inside.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    assert not task.done(), task.exception()


@pytest.mark.every_postgres
async def test_a_fresh_database_is_empty_and_of_the_wanted_version(
    postgres: str, database: Sandbox, connection: Connection
) -> None:
    assert database.server_version // 10000 == int(postgres)
    assert await connection.fetchval("select current_database()") == database.name
    assert await connection.fetchval("select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    assert await connection.fetchval("show timezone") == "UTC"
    assert await connection.fetchval("select pg_encoding_to_char(encoding) from pg_database limit 1") == "UTF8"


@pytest.mark.every_postgres
async def test_a_thousand_tables_fit_into_one_transaction(connection: Connection) -> None:
    tables = "".join(f"create table t{n} (id int primary key, t text unique);" for n in range(1000))
    async with connection.transaction():
        await connection.execute(tables)
    assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 1000


async def test_a_lent_database_is_gone_afterwards(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as sandbox:
        assert sandbox.name in await names(sandboxes)
    assert sandbox.name not in await names(sandboxes)


async def test_a_lent_database_is_dropped_with_whoever_is_connected(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as sandbox:
        forgotten = await connect(sandbox.url)
        await forgotten.execute("begin; create table t (id int)")
    assert sandbox.name not in await names(sandboxes)
    forgotten.terminate()


async def test_a_failure_inside_drops_the_database_too(sandboxes: Sandboxes) -> None:
    before = await names(sandboxes)
    with pytest.raises(ZeroDivisionError):
        async with sandboxes.lend():
            raise ZeroDivisionError
    assert await names(sandboxes) == before


async def test_cancelling_drops_the_database_before_the_task_ends(sandboxes: Sandboxes) -> None:
    before = await names(sandboxes)
    inside = asyncio.Event()

    async def use() -> None:
        async with sandboxes.lend():
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(use())
    await first_of(task, inside)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(sandboxes) == before


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 9])
async def test_cancelling_while_a_database_is_made_leaves_none(sandboxes: Sandboxes, steps: int) -> None:
    await sandboxes.start()
    before = await names(sandboxes)
    task = asyncio.create_task(sandboxes.create())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(sandboxes) == before


async def test_dropping_twice_is_no_error(sandboxes: Sandboxes) -> None:
    sandbox = await sandboxes.create()
    await sandboxes.drop(sandbox)
    await sandboxes.drop(sandbox)


async def test_closing_drops_what_was_created(sandboxes: Sandboxes, cache: Path) -> None:
    before = await names(sandboxes)
    async with await open_sandboxes(cache=cache) as others:
        made = {(await others.create()).name for _ in range(2)}
        assert await names(sandboxes) == before | made
    assert await names(sandboxes) == before


# Templates


async def test_a_template_is_filled_once_and_copied(sandboxes: Sandboxes) -> None:
    fills = []

    async def fill(sandbox: Sandbox) -> None:
        fills.append(sandbox.name)
        await one_table(sandbox)

    found = await asyncio.gather(*(sandboxes.template("once", fill) for _ in range(8)))
    assert len(set(found)) == 1
    assert len(fills) == 1
    assert await rows_of(sandboxes, found[0]) == 1
    assert fills[0] not in await names(sandboxes)


async def test_other_processes_find_the_template(sandboxes: Sandboxes, cache: Path) -> None:
    name = await sandboxes.template("shared", one_table)
    async with await open_sandboxes(cache=cache) as others:
        assert await others.template("shared", nothing) == name
        assert await rows_of(others, name) == 1


async def test_a_failed_fill_leaves_nothing_and_may_be_tried_again(sandboxes: Sandboxes) -> None:
    before = await names(sandboxes)

    async def fail(sandbox: Sandbox) -> None:
        await one_table(sandbox)
        raise FileNotFoundError("the user's file")

    with pytest.raises(FileNotFoundError):
        await sandboxes.template("fragile", fail)
    assert await names(sandboxes) == before
    assert await rows_of(sandboxes, await sandboxes.template("fragile", one_table)) == 1


async def test_a_cancelled_fill_leaves_nothing(sandboxes: Sandboxes) -> None:
    before = await names(sandboxes)
    inside = asyncio.Event()

    async def hang(sandbox: Sandbox) -> None:
        await one_table(sandbox)
        inside.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(sandboxes.template("cancelled", hang))
    await first_of(task, inside)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(sandboxes) == before


async def test_a_fill_that_forgets_its_connection_still_makes_a_template(sandboxes: Sandboxes) -> None:
    forgotten = []

    async def fill(sandbox: Sandbox) -> None:
        await one_table(sandbox)
        forgotten.append(await connect(sandbox.url))

    assert await rows_of(sandboxes, await sandboxes.template("forgetful", fill)) == 1
    forgotten[0].terminate()


async def test_nobody_can_connect_to_a_template(sandboxes: Sandboxes) -> None:
    name = await sandboxes.template("closed", one_table)
    with pytest.raises(DatabaseError, match="not currently accepting connections"):
        await connect(server_url(sandboxes, database=name))


async def test_the_oldest_templates_make_room_and_held_ones_stay(sandboxes: Sandboxes, cache: Path) -> None:
    held = await sandboxes.template("held", nothing)
    async with await open_sandboxes(cache=cache) as others:
        made = [await others.template(f"old {number}", nothing) for number in range(TEMPLATES_KEPT)]
        assert held in await names(sandboxes)
    made += [await sandboxes.template(f"new {number}", nothing) for number in range(3)]
    left = await names(sandboxes)
    assert held in left
    assert not {made[0], made[1]} & left
    assert {made[-1], made[-2], made[-3], made[TEMPLATES_KEPT - 1]} <= left


@pytest.mark.parametrize("template", ["dbarch_template_absent", "postgres", 'x" owner evil'])
async def test_only_a_template_is_copied(sandboxes: Sandboxes, template: str) -> None:
    with pytest.raises(NotFound):
        await sandboxes.create(template)


# Orphans


def name_of(host: str, pid: int, started: int, created: float) -> str:
    return f"dbarch_{host}_{pid}_{owner._short(started)}_{owner._short(int(created))}_1"


async def test_sweeping_drops_orphans_and_nothing_else(sandboxes: Sandboxes, connection: Connection) -> None:
    mine, now, pid = owner.this_host(), time.time(), os.getpid()
    started = owner.process_start(pid)
    assert started is not None
    orphans = {
        name_of(mine, pid, started + 1, now),  # another process had our number
        name_of(mine, 2**22 + 1, started, now),  # no process has such a number
        name_of("00000000", pid, started, now - 2 * owner.FOREIGN_SECONDS),
    }
    foreign = {
        name_of(mine, pid, started, now),
        name_of("00000000", 1, 1, now - 60),
        "dbarch_customers",
        "dbarch",
        "customers",
        "dbarch_12345678_1_1_1_1_backup",
        "DBARCH_12345678_1_1_1_1",
    }
    for name in orphans | foreign:
        await connection.execute(f'create database "{name}" template template0')
    assert set(await sandboxes.list_orphans()) == orphans
    assert set(await sandboxes.sweep()) == orphans
    assert foreign <= await names(sandboxes)
    assert not orphans & await names(sandboxes)
    for name in foreign:
        await connection.execute(f'drop database "{name}"')


async def test_a_name_tells_its_owner_and_fits(sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as sandbox:
        read = owner.read_owner(sandbox.name)
    assert read is not None
    assert (read.host, read.pid, read.started) == (owner.this_host(), os.getpid(), owner.process_start(os.getpid()))
    assert abs(read.created - time.time()) < 60
    assert not read.is_gone()
    longest = name_of("ffffffff", 2**22, 2**48, 2**33)
    assert len(longest) < 60
    assert owner.read_owner(longest) == owner.Owner("ffffffff", 2**22, 2**48, 2**33)


def test_a_process_is_told_from_a_later_one_of_the_same_number() -> None:
    assert owner.process_start(os.getpid()) == owner.process_start(os.getpid())
    assert owner.process_start(os.getpid()) != owner.process_start(1)
    assert owner.process_start(2**22 + 1) is None


# A server that the user names


@pytest.fixture
async def role(sandboxes: Sandboxes, connection: Connection) -> AsyncIterator[str]:
    """A role that may create databases, on the session's server; the URL of that server with it."""
    await connection.execute("create role maker login createdb password 'secret word'")
    yield server_url(sandboxes, user="maker", password="secret word")
    for row in await connection.fetch("select datname from pg_database where datdba = 'maker'::regrole"):
        await connection.execute(f'drop database "{row["datname"]}" with (force)')
    await connection.execute("drop role maker")


async def test_a_named_server_is_used_with_a_plain_role(sandboxes: Sandboxes, role: str, tmp_path: Path) -> None:
    async with await open_sandboxes(cache=tmp_path, sandbox_url=role) as others:
        assert not others.is_embedded
        template = await others.template("plain", one_table)
        assert await rows_of(others, template) == 1
        async with others.lend() as sandbox:
            assert read_url(sandbox.url).user == "maker"
            connection = await connect(sandbox.url)
            assert (
                await connection.fetchval(
                    "select pg_get_userbyid(datdba) from pg_database where datname = current_database()"
                )
                == "maker"
            )
            await connection.close()
    assert os.listdir(tmp_path) == []


async def test_databases_of_other_roles_are_not_swept_by_a_plain_role(
    sandboxes: Sandboxes, role: str, tmp_path: Path, connection: Connection
) -> None:
    orphan = name_of(owner.this_host(), 2**22 + 1, 1, time.time())
    await connection.execute(f'create database "{orphan}" template template0')
    async with await open_sandboxes(cache=tmp_path, sandbox_url=role) as others:
        assert await others.list_orphans() == ()
        assert await others.sweep() == ()
    assert await sandboxes.sweep() == (orphan,)


async def test_a_role_without_the_right_is_told_so(role: str, connection: Connection, tmp_path: Path) -> None:
    await connection.execute("alter role maker nocreatedb")
    others = await open_sandboxes(cache=tmp_path, sandbox_url=role)
    with pytest.raises(PermissionDenied, match="may not create databases") as caught:
        await others.create()
    assert "secret" not in str(caught.value)
    await others.close()


async def test_an_unexpanded_placeholder_means_the_embedded_postgres(cache: Path) -> None:
    others = await open_sandboxes(cache=cache, sandbox_url="${DBARCH_SANDBOX_URL}")
    assert others.is_embedded
    await others.close()


async def test_a_wrong_sandbox_url_is_a_mistake_in_the_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a Postgres URL"):
        await open_sandboxes(cache=tmp_path, sandbox_url="mysql://user:geheim@host/name")


async def test_a_failed_statement_of_the_server_is_ours(sandboxes: Sandboxes) -> None:
    with pytest.raises(StatementFailed, match="already exists"):
        await asyncio.gather(sandboxes._create("dbarch_twice", ""), sandboxes._create("dbarch_twice", ""))
    await sandboxes._drop("dbarch_twice")
