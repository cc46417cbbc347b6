"""Connections are made in any spelling, and errors say the next step."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

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


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for `localhost`, with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(signed.public_bytes(Encoding.PEM) + plain)
    return file


@pytest.fixture
async def tls_port(certificate: Path) -> AsyncIterator[int]:
    """A server that speaks TLS as Postgres does, and then answers that no such database exists."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            if await reader.readexactly(8) == bytes.fromhex("0000000804d2162f"):  # SSLRequest
                writer.write(b"S")
                await writer.start_tls(context)
                await reader.readexactly(4)
                fields = b"SFATAL\0VFATAL\0C3D000\0Mdatabase over TLS does not exist\0\0"
                writer.write(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_trusted_certificate_is_accepted(tls_port: int, certificate: Path, mode: str) -> None:
    with pytest.raises(ConnectionFailed, match="over TLS does not exist"):
        await connect(f"postgresql://user@localhost:{tls_port}/name?sslmode={mode}&sslrootcert={certificate}")


async def test_a_certificate_nobody_checks_still_encrypts(tls_port: int) -> None:
    with pytest.raises(ConnectionFailed, match="over TLS does not exist"):
        await connect(f"postgresql://user@localhost:{tls_port}/name?sslmode=require")


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_an_untrusted_certificate_is_refused(tls_port: int, mode: str) -> None:
    with pytest.raises(ConnectionFailed, match="certificate is not trusted") as caught:
        await connect(f"postgresql://user:geheim@localhost:{tls_port}/name?sslmode={mode}&sslrootcert=system")
    assert "sslrootcert" in caught.value.hint


async def test_a_certificate_for_another_host_is_refused(tls_port: int, certificate: Path) -> None:
    place = f"127.0.0.1:{tls_port}/name?sslrootcert={certificate}"
    with pytest.raises(ConnectionFailed, match="certificate is not trusted"):
        await connect(f"postgresql://user@{place}&sslmode=verify-full")
    with pytest.raises(ConnectionFailed, match="over TLS does not exist"):
        await connect(f"postgresql://user@{place}&sslmode=verify-ca")


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
