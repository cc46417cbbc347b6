"""Reading cannot write: what is tried against a guarded transaction, and what stays of it (nothing)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from mcp_server.errors import ConnectionFailed, DatabaseError, Refused, TimedOut
from mcp_server.world.database import connect, read_only, translating
from mcp_server.world.sandbox import Sandbox
from mcp_server.world.urls import read_url

pytestmark = pytest.mark.anyio

Connection = asyncpg.Connection

ATTACKS = (
    "insert into item (name) values ('x')",
    "with gone as (delete from item returning 1) select * from gone",
    "select sell()",
    "select sneak()",
    "do $$ begin delete from item; end $$",
    "explain analyze delete from item",
    "create table stolen as select * from item",
    "select * into stolen from item",
    "create temporary table t (id int)",
    "select nextval('counter')",
    "select setval('counter', 99)",
    "refresh materialized view names",
    "truncate item",
    "comment on table item is 'x'",
    "select 1 from item for update",
    "set transaction read write",
    "select set_config('transaction_read_only', 'off', true)",
    "alter role current_user set work_mem = '1MB'",
    "vacuum item",
)
SNEAKY = ("select pg_current_xact_id()", "lock table item in access exclusive mode", "select lo_create(0)")


async def read(connection: Connection, sql: str, **limits: int) -> list[asyncpg.Record]:
    """One statement under guard, with errors as ours."""
    async with read_only(connection, **limits) as reader:
        with translating():
            return await reader.fetch(sql)


@pytest.mark.every_postgres
async def test_reading_works_on_one_snapshot(shop: Connection, database: Sandbox) -> None:
    other = await connect(database.url)
    async with read_only(shop) as reader:
        assert await reader.fetchval("select count(*) from item") == 1
        await other.execute("insert into item (name) values ('second')")
        assert await reader.fetchval("select count(*) from item") == 1
    assert await shop.fetchval("select count(*) from item") == 2
    await other.close()


@pytest.mark.every_postgres
async def test_a_writing_statement_is_refused_by_postgres(shop: Connection) -> None:
    before = await state(shop)
    for attack in ATTACKS:
        with pytest.raises(DatabaseError):
            await read(shop, attack)
        assert await state(shop) == before, attack
        assert not shop.is_in_transaction()


async def state(connection: Connection) -> tuple[object, ...]:
    """What an attack would have changed."""
    row = await connection.fetchrow("""
        select (select string_agg(name, ',') from item), (select count(*) from names), (select last_value from counter),
               (select count(*) from pg_class), obj_description('item'::regclass), (select count(*) from pg_largeobject_metadata),
               (select count(*) from pg_db_role_setting), (select count(*) from pg_locks where locktype = 'advisory')
    """)
    assert row is not None
    return tuple(row)


@pytest.mark.parametrize("leave", ["commit", "rollback", "end", "abort", "commit and chain", "prepare transaction 'x'"])
async def test_a_statement_that_leaves_the_transaction_is_found_out(shop: Connection, leave: str) -> None:
    with pytest.raises((Refused, asyncpg.PostgresError)):
        async with read_only(shop) as reader:
            await reader.fetch(leave)
    assert not shop.is_in_transaction()
    assert await shop.fetchval("show default_transaction_read_only") == "off"


async def test_several_statements_are_not_one(shop: Connection) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with read_only(shop) as reader:
            await reader.fetch("commit; delete from item")
    assert await shop.fetchval("select count(*) from item") == 1


async def commit_and_delete(reader: Connection) -> None:
    await reader.fetch("commit")
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await reader.fetch("delete from item")


async def test_what_follows_a_commit_is_read_only_too(shop: Connection) -> None:
    with pytest.raises(Refused):
        async with read_only(shop) as reader:
            await reader.execute("commit; delete from item")
    assert await shop.fetchval("select count(*) from item") == 1
    with pytest.raises(Refused):
        async with read_only(shop) as reader:
            await commit_and_delete(reader)
    assert await shop.fetchval("select count(*) from item") == 1


@pytest.mark.every_postgres
async def test_what_a_read_only_transaction_lets_through_is_found_out(shop: Connection) -> None:
    """Postgres allows these (a large object up to version 15); they are rolled back, and named."""
    before = await state(shop)
    for sneaky in SNEAKY:
        with pytest.raises((Refused, DatabaseError)):
            await read(shop, sneaky)
        assert await state(shop) == before, sneaky
    with pytest.raises(Refused, match="transaction id"):
        await read(shop, SNEAKY[0])


async def test_session_locks_settings_and_prepared_statements_do_not_stay(shop: Connection) -> None:
    settings = "select name, setting from pg_settings where source = 'session' order by 1"
    before = await shop.fetch(settings)
    async with read_only(shop) as reader:
        await reader.fetch("select pg_advisory_lock(7), pg_advisory_lock_shared(8)")
        await reader.fetch("select set_config('work_mem', '9MB', false)")
        await reader.fetch("set search_path = pg_temp")
        await reader.fetch("prepare kept as select 1")
        await reader.fetch("listen gossip")
    assert (
        await shop.fetchval("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()") == 0
    )
    assert await shop.fetchval("select count(*) from pg_prepared_statements where from_sql") == 0
    assert await shop.fetchval("select count(*) from pg_listening_channels()") == 0
    assert await shop.fetch(settings) == before


async def test_a_statement_that_takes_too_long_is_cancelled(shop: Connection) -> None:
    with pytest.raises(TimedOut) as caught:
        await read(shop, "select pg_sleep(60)", statement_timeout_ms=50)
    assert caught.value.sqlstate == "57014"
    assert await shop.fetchval("show statement_timeout") == "0"


async def test_waiting_for_a_lock_ends(shop: Connection, database: Sandbox) -> None:
    other = await connect(database.url)
    async with other.transaction():
        await other.execute("lock table item in access exclusive mode")
        with pytest.raises(TimedOut) as caught:
            await read(shop, "select * from item", lock_timeout_ms=50)
    assert caught.value.sqlstate == "55P03"
    await other.close()


async def test_a_failure_that_was_handled_inside_is_no_reason_to_refuse(shop: Connection) -> None:
    async with read_only(shop) as reader:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await reader.fetch("select 1 / 0")
    async with read_only(shop) as reader:
        assert await reader.fetchval("select count(*) from item") == 1


async def test_a_running_transaction_is_not_taken_over(shop: Connection) -> None:
    async with shop.transaction():
        with pytest.raises(Refused, match="already is in a transaction"):
            async with read_only(shop):
                raise AssertionError
        assert shop.is_in_transaction()


async def test_functions_of_the_user_that_shadow_postgress_do_not_disarm_the_guards(shop: Connection) -> None:
    await shop.execute("""
        create schema evil;
        create function evil.set_config(text, text, boolean) returns text language sql as $$ select $2 $$;
        create function evil.current_setting(text) returns text language sql as $$ select 'on' $$;
        create function evil.pg_current_xact_id_if_assigned() returns xid8 language sql as $$ select null::xid8 $$;
        set search_path = evil, public, pg_catalog;
    """)
    with pytest.raises(asyncpg.QueryCanceledError):
        async with read_only(shop, statement_timeout_ms=50) as reader:
            await reader.fetch("select pg_sleep(60)")
    with pytest.raises(Refused):
        async with read_only(shop) as reader:
            await reader.fetch("select pg_current_xact_id()")


@asynccontextmanager
async def rewriting_proxy(database: Sandbox, old: bytes, new: bytes) -> AsyncIterator[str]:
    """A proxy before Postgres that replaces words of the client by others of equal length; its URL."""
    target = read_url(database.url)

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65536):
            writer.write(chunk.replace(old, new))
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream, downstream = await asyncio.open_connection(target.host, target.port)
        await asyncio.gather(pump(reader, downstream), pump(upstream, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield replace(target, port=server.sockets[0].getsockname()[1], sslmode="disable").url()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"repeatable read read only", b"repeatable read          "),
        (b"'lock_timeout', '2000'", b"'lock_timeout', '0000'"),
    ],
)
async def test_guards_that_were_lost_on_the_way_are_noticed(database: Sandbox, old: bytes, new: bytes) -> None:
    async with rewriting_proxy(database, old, new) as url:
        connection = await connect(url)
        with pytest.raises(Refused, match="did not take the read-only guards"):
            async with read_only(connection):
                raise AssertionError
        assert not connection.is_in_transaction()
        await connection.close()


async def test_a_cancelled_task_cancels_its_statement_on_the_server(shop: Connection, database: Sandbox) -> None:
    watcher = await connect(database.url)
    running = "select count(*) from pg_stat_activity where state = 'active' and query = 'select pg_sleep(3600)'"

    async def sleep() -> None:
        async with read_only(shop, statement_timeout_ms=3_600_000) as reader:
            await reader.fetch("select pg_sleep(3600)")

    task = asyncio.create_task(sleep())
    async with asyncio.timeout(30):
        while await watcher.fetchval(running) == 0:
            pass
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while await watcher.fetchval(running) > 0:
            pass
    assert not shop.is_in_transaction()
    assert await shop.fetchval("select count(*) from item") == 1
    await watcher.close()


async def test_a_session_that_is_ended_inside_leaves_a_plain_error(shop: Connection) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        await read(shop, "select pg_terminate_backend(pg_backend_pid())")
    assert caught.value.sqlstate in ("57P01", "08003")
