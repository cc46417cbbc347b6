"""check_health on real servers: what is read, what is found, what an ordinary role gets to see."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from mcp_server.errors import Refused
from mcp_server.operations.health import check_health
from mcp_server.rules import judge
from mcp_server.world.database import connect
from mcp_server.world.health import read_health
from mcp_server.world.sandbox import Sandbox
from mcp_server.world.workspace import Settings, Workspace
from tests.conftest import SYSTEM
from tests.servers import started, wait_for_rest

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

SHOP = """
create table customer (id int generated always as identity primary key, email text, "Nick Name" text);
create table orders (id bigint primary key, customer_id int references customer, state text, made date);
create index on orders (state);
create index orders_lower on orders (lower(state), made) where made is not null;
insert into customer (email) select g || '@example.org' from generate_series(1, 3000) g;
insert into orders select g, g % 3000 + 1, 'open', '2026-01-01' from generate_series(1, 3000) g;
select setval('customer_id_seq', 2000000000);
"""


@pytest.fixture
async def open_shop(database: Sandbox, tmp_path: Path) -> AsyncIterator[Workspace]:
    connection = await connect(database.url)
    await connection.execute(SHOP)
    await connection.close(timeout=5)
    opened = Workspace(Settings(root=tmp_path, database_url=database.url, cache=tmp_path / "cache"))
    yield opened
    await opened.close()


async def pid_of(connection: Connection) -> int:
    return int(await connection.fetchval("select pg_backend_pid()"))


async def until_waiting(watcher: Connection, pid: int) -> None:
    """Until a session waits for a lock; the test's own time limit ends it else."""
    while not await watcher.fetchval("select cardinality(pg_blocking_pids($1)) > 0", pid):
        pass


@pytest.mark.every_postgres
async def test_figures_of_tables_indexes_and_sequences_are_read(connection: Connection) -> None:
    await connection.execute(SHOP + "analyze customer, orders;")
    health = await read_health(connection)
    tables = {table.identity: table for table in health.tables}
    assert tables["public.orders"].rows == 3000
    assert tables["public.orders"].indexes == 3
    assert tables["public.orders"].size == await connection.fetchval("select pg_relation_size('orders')")
    assert tables["public.customer"].analyzed_days is not None
    indexes = {index.identity: index for index in health.indexes}
    assert indexes["public.orders_lower"].columns == ("", "made")
    assert indexes["public.orders_lower"].partial
    assert indexes["public.orders_state_idx"].distinct == 1
    assert indexes["public.orders_pkey"].constrains
    (sequence,) = health.sequences
    assert (sequence.identity, sequence.last, sequence.most) == ("public.customer_id_seq", 2_000_000_000, 2_147_483_647)
    assert (sequence.column, sequence.column_type) == ("public.customer.id", "integer")
    assert health.server.version == connection.get_server_version().major
    assert health.server.settings["work_mem"] == "4096"


@pytest.mark.every_postgres
async def test_wide_rows_and_what_is_kept_apart_are_read(connection: Connection) -> None:
    await connection.execute(
        "create table paper (id int primary key, title text, abstract text, body bytea);"
        " alter table paper alter column body set storage external;"
        " insert into paper select g, 'about ' || g, repeat(md5(g::text), 20), decode(repeat(md5(g::text), 200), 'hex')"
        " from generate_series(1, 500) g; analyze paper"
    )
    await connection.fetch("select id, length(encode(body, 'hex')) from paper where id < 400")
    await connection.fetch("select title from paper where id = 7")
    if connection.get_server_version().major >= 15:
        await connection.execute("select pg_stat_force_next_flush()")
    await connection.execute("select 1")
    health = await read_health(connection)
    (paper,) = [table for table in health.tables if table.identity == "public.paper"]
    assert paper.wide_columns == ("abstract (text)", "body (bytea)")
    assert paper.width is not None
    assert 600 < paper.width < 1_000
    if connection.get_server_version().major >= 15:  # before, the counters come a moment later
        assert paper.toast_blocks > 400
        assert paper.rows_read >= 400


@pytest.mark.every_postgres
async def test_reading_changes_nothing_and_waits_for_nobody(connection: Connection, database: Sandbox) -> None:
    await connection.execute(SHOP)
    other = await connect(database.url)
    async with other.transaction():
        await other.execute("lock table orders in access exclusive mode")
        health = await read_health(connection)
        assert "public.orders" in {table.identity for table in health.tables}
    await other.close(timeout=5)


@pytest.mark.every_postgres
async def test_a_bloated_index_and_a_long_pending_list_are_read(connection: Connection) -> None:
    await connection.execute(
        "create table note (id int primary key, words tsvector, tags int[]) with (autovacuum_enabled = off);"
        "create index note_words on note using gin (words); create index note_tags on note using gin (tags) with (fastupdate = off);"
        "insert into note select g, to_tsvector('simple', 'word' || g % 700 || ' thing' || g), array[g] from generate_series(1, 2000) g;"
        "analyze note;"
    )
    there = "select exists (select from pg_available_extensions where name = 'pgstattuple')"
    has_tuples = await connection.fetchval(there)
    if has_tuples:
        await connection.execute("create schema tools; create extension pgstattuple schema tools")
    indexes = {index.identity: index for index in (await read_health(connection)).indexes}
    assert (indexes["public.note_pkey"].rows, indexes["public.note_pkey"].width) == (2000, 4)
    if has_tuples:
        assert (indexes["public.note_words"].pending or 0) > 10
        assert indexes["public.note_tags"].pending == 0
    assert indexes["public.note_pkey"].pending is None


async def test_a_reference_by_name_alone_and_a_key_of_another_type_are_found(
    connection: Connection, database: Sandbox, tmp_path: Path
) -> None:
    await connection.execute(
        "create table users (id bigint primary key); create table task (id bigint primary key, user_id bigint not null);"
        "create table entry (id bigint primary key, users_id int references users on delete cascade); create index on entry (users_id);"
    )
    workspace = Workspace(Settings(root=tmp_path, database_url=database.url, cache=tmp_path / "cache"))
    answer = await check_health(workspace, checks=("tables", "limits"))
    await workspace.close()
    assert "public.task.user_id refers to public.users by its name only" in answer.text
    assert "users_id" in answer.text


async def test_findings_come_with_their_figures_and_a_next_step(open_shop: Workspace) -> None:
    answer = await check_health(open_shop)
    assert answer.verdict.startswith("live: ")
    assert "error H302" in answer.text
    assert "public.customer_id_seq stands at 2,000,000,000 of 2,147,483,647" in answer.text
    assert "S102" in answer.text  # orders.customer_id has no index
    assert "Nothing was changed." in answer.text.split("\n")[-1]
    assert answer.findings >= 1


async def test_a_locked_table_keeps_nobody_from_being_told_of_the_lock(open_shop: Workspace) -> None:
    url = str(open_shop.settings.database_url)
    holder, waiter = [await connect(url, application_name=name) for name in ("holder", "waiter")]
    await holder.execute("begin; lock table orders in access exclusive mode")
    waiting = asyncio.ensure_future(waiter.fetch("select * from orders"))
    await until_waiting(holder, int(waiter.get_server_pid()))
    answer = await check_health(open_shop, checks=("connections", "indexes"))
    assert "H504" in answer.text
    assert "Not judged: what the schema alone tells of keys and indexes: " in answer.text
    await holder.execute("rollback")
    await waiting
    for session in (holder, waiter):
        await session.close(timeout=5)


async def test_only_the_checks_asked_for_are_made(open_shop: Workspace) -> None:
    answer = await check_health(open_shop, checks=("indexes",), format="json")
    assert isinstance(answer.data, dict)
    codes = {finding["code"] for finding in answer.data["findings"]}
    assert "S102" in codes
    assert all(code.startswith(("H1", "S")) for code in codes)


async def test_an_unknown_check_is_refused_with_those_that_there_are(open_shop: Workspace) -> None:
    with pytest.raises(Refused) as caught:
        await check_health(open_shop, checks=("vibes", "indexes"))
    assert "vibes" in caught.value.message
    assert "statements" in caught.value.hint


@pytest.mark.every_postgres
async def test_an_invalid_index_is_found_and_its_fix_cures_it(connection: Connection) -> None:
    await connection.execute("create table task (id int); insert into task values (1), (1)")
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("create unique index concurrently task_id on task (id)")
    (found,) = (one for one in judge(await read_health(connection)).findings if one.code == "H101")
    assert found.subject == "public.task_id"
    await connection.execute("delete from task")
    await connection.execute(found.fix)
    assert "H101" not in {one.code for one in judge(await read_health(connection)).findings}


@pytest.mark.every_postgres
async def test_who_waits_for_whom_is_told(connection: Connection, database: Sandbox) -> None:
    await connection.execute("create table task (id int primary key)")
    holder, waiter = [await connect(database.url, application_name=name) for name in ("holder", "waiter")]
    await holder.execute("begin; lock table task in access exclusive mode")
    waiting = asyncio.ensure_future(waiter.fetch("select * from task"))
    holds, waits = await pid_of(holder), int(waiter.get_server_pid())
    await until_waiting(connection, waits)
    (found,) = (one for one in judge(await read_health(connection)).findings if one.code == "H504")
    assert found.subject == f"session {waits}"
    assert f"behind session {holds} (holder, idle in transaction)" in found.message
    assert found.fix == f"select pg_cancel_backend({holds});"
    await holder.execute("rollback")
    await waiting
    for session in (holder, waiter):
        await session.close(timeout=5)


@pytest.mark.every_postgres
async def test_a_role_without_rights_gets_what_it_may_see(connection: Connection, database: Sandbox) -> None:
    await connection.execute(SHOP)
    other = await connect(database.url, application_name="somebody")
    await connection.execute("create role dbarch_plain; set role dbarch_plain")
    try:
        health = await read_health(connection)
        assert not health.server.superuser
        assert {session.statement for session in health.sessions} <= {""}
        assert "public.orders" in {table.identity for table in health.tables}
    finally:
        await connection.execute("reset role; drop role dbarch_plain")
        await other.close(timeout=5)


async def test_the_statements_that_cost_the_most_are_named(place: Path) -> None:
    binaries = next((path for path in SYSTEM.values() if _has_statements(path)), None)
    if binaries is None:
        pytest.skip("no Postgres with the extension pg_stat_statements on this machine")
    server = await started(place, binaries=binaries)
    first = await connect(server.url("postgres"))
    await first.execute("alter system set shared_preload_libraries = 'pg_stat_statements'")
    await first.execute("create extension pg_stat_statements")
    unloaded = await read_health(first)
    assert "not loaded" in unloaded.unread[0]
    await first.close(timeout=5)
    server.close()
    wait_for_rest(place)
    server = await started(place, binaries=binaries)
    connection = await connect(server.url("postgres"))
    await connection.execute("create table task (id int); select pg_stat_statements_reset()")
    await connection.fetch("select pg_sleep(1.1)")
    for number in range(3):
        await connection.fetch("select * from task where id = $1", number)
    health = await read_health(connection)
    calls = {statement.query: statement.calls for statement in health.statements}
    assert calls["select * from task where id = $1"] == 3
    (found,) = (one for one in judge(health).findings if one.code == "H702")
    assert found.subject == "select pg_sleep($1)"
    assert health.statements_days is not None
    await connection.close(timeout=5)


def _has_statements(binaries: Path) -> bool:
    major = binaries.parent.name
    return Path(f"/usr/share/postgresql/{major}/extension/pg_stat_statements.control").exists()
