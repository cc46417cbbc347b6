"""The embedded Postgres says what is in its way: a full disk, missing programs, folders that it cannot reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError, DatabaseError
from mcp_server.world.database import connect
from mcp_server.world.installation import installations, nearest
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes
from tests.servers import (
    IS_ROOT,
    ROOT,
    answer,
    end_everything,
    half_made,
    remove,
    started,
    wait_for_rest,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def small(place: Path) -> Iterator[Path]:
    """A cache folder on a disk of 150 MB: room for a server, and for its programs where they have to be copied."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=150m,mode=711", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    end_everything(place)
    subprocess.run(["umount", str(place)], check=True)


async def test_a_disk_that_is_full_from_the_start_is_named(small: Path) -> None:
    (small / "ballast").write_bytes(b"x" * (shutil.disk_usage(small).free - 10_000_000))
    with pytest.raises(DatabaseError, match="No space left on device") as caught:
        await started(small)
    assert "DBARCH_CACHE_DIR" in caught.value.hint
    assert half_made(small) == []
    (small / "ballast").unlink()
    server = await started(small)
    server.close()


async def test_a_disk_that_fills_up_is_named_and_can_be_cleared(small: Path) -> None:
    async with await open_sandboxes(cache=small) as sandboxes:
        made: list[Sandbox] = []

        async def fill_the_disk() -> None:
            for _ in range(20):
                made.append(await sandboxes.create())

        with pytest.raises(DatabaseError, match="No space left on device") as caught:
            await fill_the_disk()
        assert caught.value.sqlstate == "53100"
        for sandbox in made:
            await sandboxes.drop(sandbox)
        assert await answer(sandboxes) == 42


def test_a_limit_on_file_sizes_is_named(place: Path) -> None:
    program = """
import asyncio, resource, sys
from pathlib import Path
from mcp_server.errors import DatabaseError
from mcp_server.world.embedded import open_server
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    asyncio.run(open_server(Path(sys.argv[1])))
except DatabaseError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(place)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "could not be started" in done.stdout
    assert "ulimit -f" in done.stdout


def programs(place: Path, content: bytes, mode: int) -> Path:
    """A folder like Postgres's bin/ whose `postgres` is something else."""
    folder = place / "other" / "bin"
    folder.mkdir(parents=True)
    (folder / "postgres").write_bytes(content)
    (folder / "postgres").chmod(mode)
    return folder


async def test_programs_that_may_not_be_executed_are_named(place: Path) -> None:
    with pytest.raises(DatabaseError, match="Permission denied") as caught:
        await started(place, binaries=programs(place, b"", 0o600))
    assert "DBARCH_SANDBOX_URL" in caught.value.hint


async def test_programs_of_another_processor_are_named(place: Path) -> None:
    with pytest.raises(DatabaseError, match="Exec format error") as caught:
        await started(place, binaries=programs(place, b"\x7fELF nonsense", 0o755))
    assert "DBARCH_SANDBOX_URL" in caught.value.hint


async def test_a_missing_library_is_named(place: Path) -> None:
    real = (installations()[0].folder / "bin" / "postgres").read_bytes()
    with pytest.raises(DatabaseError, match=r"libQ\.so\.1") as caught:
        await started(place, binaries=programs(place, real.replace(b"libz.so.1", b"libQ.so.1"), 0o755))
    assert "install it" in caught.value.hint
    assert "DBARCH_SANDBOX_URL" in caught.value.hint


async def test_a_cache_folder_that_cannot_be_made_is_named(place: Path) -> None:
    """Root falls back to /var/cache, as it does for a folder that its server cannot reach."""
    (place / "file").write_text("")
    if not IS_ROOT:
        with pytest.raises(ConfigError) as caught:
            await started(place / "file" / "cache")
        assert "DBARCH_CACHE_DIR" in caught.value.hint
        return
    server = await started(place / "file" / "cache")
    assert server.home.is_relative_to("/var/cache/dbarch")
    remove(server)


OFFLINE = """
import asyncio, sys
from pathlib import Path
from mcp_server.world.database import connect
from mcp_server.world.sandbox import open_sandboxes
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

async def main():
    async with await open_sandboxes(cache=Path(sys.argv[1])) as sandboxes, sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        print(await connection.fetchval("show unix_socket_directories"))
        await connection.close()
        engine = create_async_engine(sandbox.url.replace("postgresql", "postgresql+asyncpg", 1))
        async with engine.connect() as connection:
            print((await connection.execute(text("select current_database()"))).scalar() == sandbox.name)
        await engine.dispose()

asyncio.run(main())
"""


def offline(folder: Path) -> subprocess.CompletedProcess[str]:
    """A user of the server that lives in a network of its own, as in a container that shares our disk."""
    return subprocess.run(
        ["unshare", "--net", sys.executable, "-c", OFFLINE, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not IS_ROOT, reason="only root may make a network namespace")
@pytest.mark.parametrize("depth", [0, 1])
def test_where_there_is_no_loopback_a_socket_is_used(used: Path, depth: int) -> None:
    """A path that is too long for a socket is replaced by a short one."""
    folder = used / ("long" * 30 * depth)
    folder.mkdir(mode=0o711, exist_ok=True)
    done = offline(folder)
    place, connected = done.stdout.split()
    assert Path(place).is_relative_to(used) == (depth == 0)
    assert connected == "True"
    wait_for_rest(used)
    assert depth == 0 or not Path(place).exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root may make a network namespace")
async def test_a_server_that_cannot_be_reached_from_here_is_left_alone(used: Path) -> None:
    server = await started(used)
    done = offline(used)
    assert done.stdout.split()[1:] == ["True"], done.stderr
    connection = await connect(server.url())
    assert await connection.fetchval("select 1") == 1
    await connection.close()
    assert len(list(used.glob("postgres-18*/data"))) == 2


@pytest.mark.skipif(not IS_ROOT, reason="only root's server runs as another user")
async def test_roots_server_runs_where_nobody_can_go(place: Path) -> None:
    """Both the cache folder and the programs lie where only root may enter, as below /root."""
    secret = place / "home"
    secret.mkdir(mode=0o700)
    package = next(one.folder.parent for one in installations())
    shutil.copytree(package, secret / package.name, ignore=shutil.ignore_patterns("include", "*.a"))
    shutil.copytree(package.parent / f"{package.name}.libs", secret / f"{package.name}.libs")
    server = await started(secret / ".cache", binaries=secret / package.name / "pginstall18" / "bin")
    assert not server.home.is_relative_to(secret)
    assert (server.home.parent.stat().st_uid, server.home.parent.stat().st_mode & 0o022) == (0, 0)
    connection = await connect(server.url())
    assert await connection.fetchval("show data_directory") == str(server.home / "data")
    await connection.close()
    assert os.stat(server.home / "data").st_uid != 0
    remove(server)


@pytest.mark.every_postgres
def test_secrets_are_readable_by_their_owner_alone(sandboxes: Sandboxes, cache: Path) -> None:
    for home in cache.glob("postgres-*"):
        assert (home / "secret").stat().st_mode & 0o077 == 0
        assert (home / "data").stat().st_mode & 0o077 == 0


async def test_the_version_nearest_to_the_targets_is_taken() -> None:
    found = installations()
    assert [one.major for one in found] == [16, 18]
    wanted = {None: 18, 140010: 16, 150018: 16, 160003: 16, 170002: 18, 180004: 18, 190000: 18}
    assert {version: nearest(found, version).major for version in wanted} == wanted
