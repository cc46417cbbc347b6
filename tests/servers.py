"""Embedded servers of one test: started, watched, and ended with nothing left over."""

from __future__ import annotations

import os
import select
import shutil
from pathlib import Path
from typing import Any

from mcp_server.world.database import connect
from mcp_server.world.embedded import Server, open_server
from mcp_server.world.sandbox import Sandboxes

ROOT = Path(__file__).parent.parent
IS_ROOT = os.geteuid() == 0
OPENED: list[Server] = []


async def started(place: Path, **options: Any) -> Server:
    """A running server; closed at the end of the test, also when that fails."""
    server = await open_server(place, **options)
    OPENED.append(server)
    return server


def end_everything(folder: Path) -> None:
    """Close what `started` opened, and wait until no process of that cache folder is left."""
    for server in OPENED:
        server.close()
    OPENED.clear()
    wait_for_rest(folder)


def remove(server: Server) -> None:
    """Stop a server whose folder lies outside the test's own, and remove that folder."""
    server.close()
    wait_for_rest(server.home.parent)
    shutil.rmtree(server.home.parent)


def processes_of(folder: Path) -> list[int]:
    """Processes, of whatever kind, that were started for a cache folder or work in it."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{entry}/cmdline").read_text()
            inside = os.readlink(f"/proc/{entry}/cwd").startswith(f"{folder}/")
        except OSError:
            continue
        if int(entry) != os.getpid() and (inside or str(folder) in command):
            found.append(int(entry))
    return found


def wait_for_rest(folder: Path) -> None:
    """Until no process for that cache folder is left, neither a keeper nor a server."""
    while left := processes_of(folder):
        wait_for_end(left[0])


def wait_for_end(pid: int) -> None:
    """Until a process that need not be our child has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, _, _ = select.select([descriptor], [], [], 60)
    os.close(descriptor)
    assert ended, Path(f"/proc/{pid}/cmdline").read_text()


def half_made(folder: Path) -> list[Path]:
    """What an interrupted start or write left behind."""
    found = [*folder.glob("*/new-*"), *folder.glob("*/*.[0-9]*")]
    return [path for path in found if not path.name.startswith("programs-")]


async def answer(sandboxes: Sandboxes) -> object:
    """What a fresh database answers."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        value = await connection.fetchval("select 40 + 2")
        await connection.close()
        return value
