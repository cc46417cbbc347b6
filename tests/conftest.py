"""Fixtures that every test may use.

    sandboxes    Sandboxes on an embedded Postgres of this test session, in a cache folder of its own
    database     a fresh, empty Sandbox of this test; dropped after it
    connection   an asyncpg connection to `database`
    shop         the same, with a table `item` of one row and functions that write
    postgres     the Postgres that they use: "18" unless a test says otherwise
    writable     a folder that the server's programs can write to
    place        a cache folder of this test alone; `used` the same, with the data of a server that ran before

A test marked `@pytest.mark.every_postgres` runs once for each version that this machine has: the embedded 16 and 18,
and those of /usr/lib/postgresql where they are installed.
Async tests carry `@pytest.mark.anyio` (or `pytestmark`), and run on asyncio.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from mcp_server.world.database import connect
from mcp_server.world.embedded import open_server
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes
from tests.servers import end_everything, wait_for_rest

SYSTEM = {
    folder.name: folder / "bin"
    for folder in sorted(Path("/usr/lib/postgresql").glob("[1-9]*"))
    if (folder / "bin/initdb").exists()
}
POSTGRES = ("16", "18", *(major for major in SYSTEM if major not in ("16", "18")))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "every_postgres: run once for each Postgres of this machine")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("every_postgres"):
        metafunc.parametrize("postgres", POSTGRES, indirect=True, scope="session")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def cache() -> Iterator[Path]:
    """A cache folder of this session that the server's user can reach, also when the tests run as root.

    In memory where there is room: a fresh database takes 10 ms there, and 40 to 200 ms on a disk.
    """
    yield from reachable_folder()


@pytest.fixture
def writable(cache: Path) -> Iterator[Path]:
    """A folder that the server's programs can write to, whoever runs the tests."""
    folder = Path(tempfile.mkdtemp(prefix="writable-", dir=cache))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def place() -> Iterator[Path]:
    """A cache folder of this test alone; afterwards no server of it is left."""
    yield from reachable_folder()


@pytest.fixture(scope="session")
async def stopped(anyio_backend: str) -> AsyncIterator[Path]:
    """A cache folder with the data of a server that was stopped: copying it is quicker than making it."""
    for folder in reachable_folder():
        (await open_server(folder)).close()
        wait_for_rest(folder)
        yield folder


@pytest.fixture
def used(place: Path, stopped: Path) -> Path:
    """A cache folder of this test alone, with a server that ran before."""
    subprocess.run(["cp", "-a", f"{stopped}/.", str(place)], check=True)
    return place


def reachable_folder() -> Iterator[Path]:
    memory = Path("/dev/shm")
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 * 1024**3
    folder = Path(tempfile.mkdtemp(prefix="dbarch-tests-", dir=memory if roomy else None))
    folder.chmod(0o711)
    yield folder
    end_everything(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> str:
    """The major version of Postgres to run on, as text."""
    return str(getattr(request, "param", "18"))


@pytest.fixture(scope="session")
async def sandboxes(anyio_backend: str, cache: Path, postgres: str) -> AsyncIterator[Sandboxes]:
    """Throw-away databases on the session's embedded Postgres of version `postgres`."""
    async with await open_sandboxes(
        cache=cache,
        near_version=int(postgres) * 10000,
        binaries=SYSTEM.get(postgres) if postgres not in ("16", "18") else None,
    ) as opened:
        await opened.start()
        yield opened


@pytest.fixture
async def database(sandboxes: Sandboxes) -> AsyncIterator[Sandbox]:
    """A fresh, empty database."""
    async with sandboxes.lend() as sandbox:
        yield sandbox


@pytest.fixture
async def connection(database: Sandbox) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection to `database`."""
    opened = await connect(database.url)
    yield opened
    await opened.close(timeout=5)


@pytest.fixture
async def shop(connection: asyncpg.Connection[asyncpg.Record]) -> asyncpg.Connection[asyncpg.Record]:
    """A table with one row, and a function that writes."""
    await connection.execute("""
        create table item (id int generated by default as identity primary key, name text);
        insert into item (name) values ('first');
        create sequence counter;
        create materialized view names as select name from item;
        create function sell() returns void language sql as $$ insert into item (name) values ('sold') $$;
        create function sneak() returns void language plpgsql as $$ begin execute 'delete from item'; end $$;
    """)
    return connection
