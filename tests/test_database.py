"""Connections are made in any spelling, and errors say the next step."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from mcp_server.errors import (
    ConfigError,
    ConnectionFailed,
    DatabaseError,
    PermissionDenied,
    StatementFailed,
    TimedOut,
)
from mcp_server.world.database import connect, translating
from mcp_server.world.sandbox import Sandbox
from mcp_server.world.urls import read_url

pytestmark = pytest.mark.anyio

Connection = asyncpg.Connection


def changed(sandbox: Sandbox, /, **parts: Any) -> str:
    """The sandbox's URL with some parts of it replaced."""
    return replace(read_url(sandbox.url), **parts).url()


# Connecting


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg"])
async def test_every_spelling_of_the_scheme_connects(database: Sandbox, scheme: str) -> None:
    connection = await connect(
        database.url.replace("postgresql", scheme, 1) + "?sslmode=disable&channel_binding=prefer"
    )
    assert await connection.fetchval("select current_database()") == database.name
    await connection.close()


async def test_no_statement_is_cached_and_the_application_is_named(connection: Connection) -> None:
    for _ in range(3):
        await connection.fetchval("select 1")
    assert await connection.fetchval("select count(*) from pg_prepared_statements where not from_sql") == 0
    assert await connection.fetchval("show application_name") == "dbarch"


async def test_options_of_the_url_reach_the_server(database: Sandbox) -> None:
    connection = await connect(database.url + "?options=-c%20work_mem%3D7MB&application_name=theirs&connect_timeout=10")
    assert await connection.fetchval("show work_mem") == "7MB"
    assert await connection.fetchval("show application_name") == "theirs"
    await connection.close()


async def test_a_read_only_connection_refuses_to_write_without_any_transaction(database: Sandbox) -> None:
    connection = await connect(database.url, read_only=True)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await connection.execute("create table t (id int)")
    await connection.close()


async def test_other_drivers_connect_by_a_sandboxs_url(database: Sandbox) -> None:
    import psycopg
    from sqlalchemy import create_engine, text
    from sqlalchemy.ext.asyncio import create_async_engine

    with psycopg.connect(database.url) as plain:
        assert plain.execute("select current_database()").fetchone() == (database.name,)
    engine = create_engine(database.url.replace("postgresql", "postgresql+psycopg", 1))
    with engine.connect() as sync:
        assert sync.execute(text("select current_database()")).scalar() == database.name
    engine.dispose()
    async_engine = create_async_engine(database.url.replace("postgresql", "postgresql+asyncpg", 1))
    async with async_engine.connect() as opened:
        assert (await opened.execute(text("select current_database()"))).scalar() == database.name
    await async_engine.dispose()


async def test_a_wrong_password_is_named_and_not_told(database: Sandbox) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        await connect(changed(database, password="hunter2"))
    assert caught.value.sqlstate == "28P01"
    assert "password" in caught.value.hint
    assert "hunter2" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_named(database: Sandbox) -> None:
    with pytest.raises(ConnectionFailed, match='database "absent" does not exist') as caught:
        await connect(changed(database, database="absent"))
    assert caught.value.sqlstate == "3D000"


async def test_a_refused_connection_says_where(database: Sandbox) -> None:
    with pytest.raises(ConnectionFailed, match=r"refused.*127\.0\.0\.1:1/"):
        await connect(changed(database, port=1))


async def test_an_unknown_host_is_told_apart() -> None:
    with pytest.raises(ConnectionFailed, match=r"name is unknown.*absent\.invalid"):
        await connect("postgresql://user:geheim@absent.invalid/name")


async def test_an_absent_socket_is_told_apart() -> None:
    with pytest.raises(ConnectionFailed, match="no Unix socket"):
        await connect("postgresql://user@/name?host=/nonexistent-folder")


async def test_a_server_without_tls_is_not_used_when_tls_is_asked_for(database: Sandbox) -> None:
    with pytest.raises(ConnectionFailed, match="does not speak TLS"):
        await connect(changed(database, sslmode="require"))


async def test_a_server_that_does_not_answer_times_out() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(TimedOut, match=f"connecting to user@127.0.0.1:{port}/name"):
            await connect(f"postgresql://user@127.0.0.1:{port}/name?sslmode=disable", timeout=0.2)


async def test_a_missing_certificate_file_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="certificate"):
        await connect("postgresql://user@127.0.0.1:1/name?sslmode=verify-full&sslrootcert=/absent/ca.pem")


# Errors


@pytest.mark.parametrize(
    ("sql", "kind", "sqlstate", "words"),
    [
        ("select * from absent", StatementFailed, "42P01", r'"absent" does not exist \(at character 15\)'),
        ("selec 1", StatementFailed, "42601", r"syntax error .* \(at character 1\)"),
        (
            "drop function sell; drop table item",
            StatementFailed,
            "2BP01",
            "materialized view names depends on table item",
        ),
        ("create table item (id int)", StatementFailed, "42P07", "already exists"),
    ],
)
async def test_a_statements_error_keeps_its_place_and_code(
    shop: Connection, sql: str, kind: type[DatabaseError], sqlstate: str, words: str
) -> None:
    with pytest.raises(kind, match=words) as caught, translating():
        await shop.execute(sql)
    assert caught.value.sqlstate == sqlstate


async def test_a_missing_right_is_told_apart(shop: Connection) -> None:
    await shop.execute("create role dbarch_nobody; set role dbarch_nobody")
    with pytest.raises(PermissionDenied) as caught, translating():
        await shop.fetch("select * from item")
    await shop.execute("reset role; drop role dbarch_nobody")
    assert caught.value.sqlstate == "42501"


async def test_values_of_rows_do_not_enter_a_message(shop: Connection) -> None:
    await shop.execute("alter table item add unique (name), add check (name <> 'forbidden')")
    for sql in (
        "insert into item (name) values ('first')",
        "insert into item (id, name) values (41, 'forbidden')",
    ):
        with pytest.raises(StatementFailed) as caught, translating():
            await shop.execute(sql)
        assert "first" not in str(caught.value)
        assert "41" not in str(caught.value)


async def test_a_parameter_of_the_wrong_type_is_told_without_its_value(shop: Connection) -> None:
    with pytest.raises(StatementFailed, match=r"\$1") as caught, translating():
        await shop.fetch("select * from item where id = $1", "hunter2")
    assert "hunter2" not in str(caught.value)


async def test_missing_parameters_are_told(shop: Connection) -> None:
    with pytest.raises(StatementFailed, match="expects 1 argument"), translating():
        await shop.fetch("select * from item where id = $1")
