"""The emulated Neon is held to what is known of the real one, by clients of others: psycopg's libpq and asyncpg."""

from __future__ import annotations

import asyncpg
import psycopg
import pytest

from tests.neon.ground import PROJECT, Ground
from tests.neon.proxy import Fault

pytestmark = pytest.mark.anyio


async def ask(
    neon: Ground, query: str = "sslmode=verify-full&sslrootcert=system", *, pooled: bool = False
) -> tuple[object, ...]:
    """Who and where we are, by psycopg."""
    async with await psycopg.AsyncConnection.connect(neon.url(pooled=pooled, query=query)) as connection:
        row = await (await connection.execute("select current_user, current_setting('application_name')")).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("more", ["", "&channel_binding=require", "&channel_binding=disable", "&sslnegotiation=direct"])
async def test_libpq_logs_in_with_and_without_channel_binding(neon: Ground, more: str, pooled: bool) -> None:
    found = await ask(neon, f"sslmode=verify-full&sslrootcert=system{more}", pooled=pooled)
    assert found[0] == neon.role
    assert [visit.pooled for visit in neon.compute.visits] == [pooled]
    assert neon.pooler.logins == int(pooled)


async def test_start_up_parameters_but_a_few_are_dropped_in_silence(neon: Ground) -> None:
    connection = await asyncpg.connect(
        neon.url(query=""), server_settings={"statement_timeout": "7s", "application_name": "me"}
    )
    assert await connection.fetchval("show statement_timeout") == "0"
    assert await connection.fetchval("show application_name") == "me"
    await connection.close()
    assert neon.compute.visits[0].dropped == ("statement_timeout",)


async def test_options_reach_postgres_and_are_refused_by_the_pooler(neon: Ground) -> None:
    query = "sslmode=require&options=-c%20statement_timeout%3D7s"
    async with await psycopg.AsyncConnection.connect(neon.url(query=query)) as connection:
        assert await (await connection.execute("show statement_timeout")).fetchone() == ("7s",)
    with pytest.raises(psycopg.OperationalError, match="unsupported startup parameter in options: statement_timeout"):
        await ask(neon, query, pooled=True)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sslmode=disable", "connection is insecure"),
        ("sslmode=require&options=endpoint%3Dep-other", "Inconsistent project name"),
        ("sslmode=require&password=wrong", "password authentication failed for user '"),
        ("sslmode=require&dbname=absent", "does not exist"),
    ],
)
async def test_every_error_of_the_proxy_has_neons_words_and_no_code_of_its_own(
    neon: Ground, query: str, words: str
) -> None:
    with pytest.raises(psycopg.OperationalError, match=words) as caught:
        await ask(neon, query)
    assert caught.value.sqlstate in (None, "XX000")


async def test_an_endpoint_is_found_by_options_and_by_the_password(neon: Ground) -> None:
    by_address = neon.url(query="sslmode=require").replace(neon.host(), "127.0.0.1")
    async with await psycopg.AsyncConnection.connect(f"{by_address}&options=endpoint%3D{PROJECT}") as one:
        assert await (await one.execute("select 1")).fetchone() == (1,)
    hidden = by_address.replace(
        neon.password, f"endpoint={PROJECT};{neon.password}".replace("=", "%3D").replace(";", "%3B")
    )
    async with await psycopg.AsyncConnection.connect(hidden) as other:
        assert await (await other.execute("select 1")).fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="Endpoint ID is not specified"):
        await psycopg.AsyncConnection.connect(by_address)


# What asyncpg says of a session that the server ended, by how far it had heard of it.
ENDED = (
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InternalClientError,
)


async def test_a_suspended_compute_ends_its_sessions_and_wakes_for_the_next(neon: Ground) -> None:
    direct, pooled = await asyncpg.connect(neon.url(query="")), await asyncpg.connect(neon.url(query="", pooled=True))
    await neon.suspend()
    for connection in (direct, pooled):
        with pytest.raises(ENDED):
            await connection.fetchval("select 1")
    assert neon.compute.is_asleep
    assert (await ask(neon))[0] == neon.role
    assert not neon.compute.is_asleep


async def test_a_statement_is_cancelled_through_the_proxy(neon: Ground) -> None:
    for pooled in (False, True):
        connection = await asyncpg.connect(neon.url(query="", pooled=pooled), statement_cache_size=0)
        with pytest.raises(TimeoutError):
            await connection.fetchval("select pg_sleep(60)", timeout=0.2)
        assert await connection.fetchval("select 1") == 1
        await connection.close()


async def test_a_fault_meets_one_connection_and_then_no_more(neon: Ground) -> None:
    neon.proxy.faults.extend((Fault("challenged"), Fault("woken", "Couldn't connect to compute node")))
    with pytest.raises((OSError, asyncpg.ConnectionDoesNotExistError), match="connection"):
        await asyncpg.connect(neon.url(query="sslmode=require"))
    with pytest.raises(asyncpg.InternalServerError, match="Couldn't connect"):
        await asyncpg.connect(neon.url(query="sslmode=require"))
    assert (await ask(neon))[0] == neon.role


async def test_the_pooler_shares_what_one_session_sets(neon: Ground) -> None:
    """What a transaction pooler is: the reason why tool work never goes there."""
    one = await asyncpg.connect(neon.url(query="", pooled=True), statement_cache_size=0)
    other = await asyncpg.connect(neon.url(query="", pooled=True), statement_cache_size=0)
    await one.execute("set lock_timeout = '4s'")
    assert await other.fetchval("show lock_timeout") == "4s"
    await one.close()
    await other.close()
