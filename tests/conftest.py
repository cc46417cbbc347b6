"""Fixtures that every test may use.

    sandboxes    Sandboxes on an embedded Postgres of this test session, in a cache folder of its own
    database     a fresh, empty Sandbox of this test; dropped after it
    connection   an asyncpg connection to `database`
    postgres     the Postgres that they use: "18" unless a test says otherwise

A test marked `@pytest.mark.every_postgres` runs once for each version that this machine has: the embedded 16 and 18,
and those of /usr/lib/postgresql where they are installed.
Async tests carry `@pytest.mark.anyio` (or `pytestmark`), and run on asyncio.
"""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes

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
    """A cache folder of this session that the server's user can reach, also when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="dbarch-tests-"))
    folder.chmod(0o711)
    yield folder
    wait_stopped(folder)
    shutil.rmtree(folder)


def wait_stopped(cache: Path) -> None:
    """Until no keeper of an embedded server in that cache folder lives: each holds a lock on its file `keeper`."""
    for file in cache.glob("*/keeper"):
        with open(file, "w") as keeper:
            fcntl.flock(keeper, fcntl.LOCK_EX)


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
