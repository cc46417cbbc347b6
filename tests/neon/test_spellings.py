"""Every spelling of a Neon URL, through the proxy, with each driver, direct and pooled."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from mcp_server.errors import ArchitectError
from mcp_server.model.design import Flavour
from mcp_server.render.database_module import render_database
from mcp_server.world.database import connect
from mcp_server.world.guest.engines import sandbox_url
from mcp_server.world.guest.guard import Target as GuestTarget
from mcp_server.world.urls import read_url
from tests.neon.certificates import make_certificates
from tests.neon.ground import DOMAIN, Ground
from tests.neon.spellings import SPELLINGS

pytestmark = pytest.mark.anyio

Way = Callable[[str], Awaitable[object]]
ASKED = "select current_user"
TLS_FAILED = "certificate"


@contextmanager
def other_authority(folder: Path) -> Iterator[Path]:
    """An authority that signed nothing here is the only one that the system trusts."""
    strange, before = make_certificates(folder, (f"*.{DOMAIN}",)).authority, os.environ["SSL_CERT_FILE"]
    os.environ["SSL_CERT_FILE"] = str(strange)
    try:
        yield strange
    finally:
        os.environ["SSL_CERT_FILE"] = before


def written(spelling: str, ground: Ground, *, pooled: bool, authority: Path) -> str:
    host = ground.host(pooled=pooled)
    parts = {
        "host": host, "HOST": host.upper(), "bare": host.partition(".")[0], "port": ground.proxy.port,
        "user": ground.role, "pw": quote(ground.password, safe=""), "db": ground.database, "ca": authority,
    }  # fmt: skip
    return spelling.format(**parts)


async def by_asyncpg(url: str) -> object:
    """What dbarch's own tools connect by; `pooled` keeps the host as it is written."""
    connection = await connect(url, pooled=True)
    try:
        return await connection.fetchval(ASKED)
    finally:
        await connection.close()


async def by_sqlalchemy(url: str) -> object:
    """What the module connects by that design_models writes into a project."""
    module: dict[str, Any] = {"__name__": "db"}
    exec(compile(render_database(Flavour((3, 12), (0, 0, 50), (2, 1, 9))), "db.py", "exec"), module)
    target, arguments = module["read_target"](url)
    engine = create_async_engine(target, connect_args=arguments)
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(ASKED))).scalar_one()
    finally:
        await engine.dispose()


async def by_psycopg(url: str) -> object:
    """What a project's env.py connects by when it is run by dbarch and its driver is psycopg."""
    target = read_url(url)
    given = GuestTarget(
        target.host, target.port or 5432, target.user, target.password, target.database, target.verification,
        target.sslrootcert, options=target.options,
    )  # fmt: skip
    engine = create_async_engine(sandbox_url(given, "psycopg", {}))
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text(ASKED))).scalar_one()
    finally:
        await engine.dispose()


WAYS = {"asyncpg": by_asyncpg, "sqlalchemy": by_sqlalchemy, "psycopg": by_psycopg}


async def outcome(way: Way, url: str) -> str:
    """Who the database says we are, or what is said instead."""
    try:
        return f"connected as {await asyncio.wait_for(way(url), 60)}"
    except (ArchitectError, RuntimeError) as refusal:
        return str(refusal)
    except (DBAPIError, psycopg.Error, asyncpg.PostgresError, ssl.SSLError) as failure:
        return f"driver: {failure}"


def test_there_are_sixty_spellings_and_more() -> None:
    assert len({spelling for spelling, _ in SPELLINGS}) >= 60


@pytest.mark.parametrize("pooled", [False, True], ids=["direct", "pooled"])
@pytest.mark.parametrize("driver", WAYS)
async def test_a_spelling_connects_or_its_parameter_is_named(shared: Ground, driver: str, pooled: bool) -> None:
    shared.compute.visits.clear()
    logins, wrong = shared.pooler.logins, []
    for spelling, named in SPELLINGS:
        url = written(spelling, shared, pooled=pooled, authority=shared.certificates.authority)
        found = await outcome(WAYS[driver], url)
        assert shared.password not in found
        if (named not in found or found.startswith("driver")) if named else found != f"connected as {shared.role}":
            wrong.append((spelling, found))
    assert wrong == []
    assert {visit.pooled for visit in shared.compute.visits} == {pooled}
    connected = sum(not named for _, named in SPELLINGS)
    assert shared.pooler.logins - logins == (connected if pooled else 0)


@pytest.mark.parametrize("driver", WAYS)
async def test_no_spelling_trusts_a_server_that_nobody_vouches_for(shared: Ground, driver: str, tmp_path: Path) -> None:
    shared.compute.visits.clear()
    with other_authority(tmp_path) as strange:
        for spelling, named in SPELLINGS:
            if not named:
                found = await outcome(WAYS[driver], written(spelling, shared, pooled=False, authority=strange))
                assert TLS_FAILED in found.lower(), (spelling, found)
    assert shared.compute.visits == []


async def test_whatever_host_is_written_tools_go_to_the_direct_one(shared: Ground) -> None:
    logins = shared.pooler.logins
    shared.compute.visits.clear()
    for spelling, named in SPELLINGS:
        if not named:
            url = written(spelling, shared, pooled=True, authority=shared.certificates.authority)
            await (await connect(url)).close()
    assert {visit.pooled for visit in shared.compute.visits} == {False}
    assert shared.pooler.logins == logins


def test_what_is_understood_otherwise_than_written_is_told() -> None:
    target = read_url(
        "psql 'postgresql://u:endpoint=ep-a-b-1;geheim@ep-a-b-1-pooler.eu.aws.neon.tech/d?sslmode=require&channel_binding=require'"
    )
    assert [note.partition(":")[0] for note in target.notes] == [
        "what stands around the URL is left out",
        "channel_binding is left out",
        "sslmode=require is raised to verify-full",
        "the endpoint in the password is left out",
    ]
    assert target.password == "geheim"
    assert "geheim" not in "".join(target.notes)


def test_direct_and_pooled_twins_lead_to_each_other() -> None:
    pooled = read_url("postgresql://u:p@ep-a-b-1-pooler.eu.aws.neon.tech/d?options=endpoint%3Dep-a-b-1-pooler")
    assert pooled.is_pooled
    assert pooled.direct().host == "ep-a-b-1.eu.aws.neon.tech"
    assert pooled.direct().options == "endpoint=ep-a-b-1"
    assert pooled.direct().pooled() == pooled
    by_address = read_url("postgresql://u:p@10.0.0.1/d?options=endpoint%3Dep-a-b-1-pooler")
    assert by_address.direct().options == "endpoint=ep-a-b-1"
