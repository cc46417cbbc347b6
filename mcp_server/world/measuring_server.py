"""Where a copy with rows is measured: on a server that holds as many pages in memory as the database in use, as far as there is room.

What fits into live's shared_buffers and not into the copy's takes a longer way to each page there, and an index that
is read at random would seem worth less than it is.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError
from mcp_server.world.database import translating
from mcp_server.world.sandbox import Sandboxes, open_sandboxes

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

MB = 1024 * 1024
# Postgres's own default: up to here the usual server does.
USUAL_MB = 128
# The part of the machine's free memory that a copy's server may take.
SHARE = 0.25
_BUFFERS = "select setting::bigint * 8192 from pg_catalog.pg_settings where name = 'shared_buffers'"


@asynccontextmanager
async def measuring_sandboxes(
    workspace: Workspace, live: Connection, size: int
) -> AsyncIterator[tuple[Sandboxes, str]]:
    """Sandboxes to measure on, for the length of a block, and a sentence where they hold less in memory than live; "" else.

    size: bytes of the tables that are copied. A server apart is started where that matters, and stops afterwards.
    """
    usual = await workspace.sandboxes()
    with translating("reading how many pages live holds in memory"):
        wanted = int(await live.fetchval(_BUFFERS) or 0) // MB
    chosen = buffers_wanted(wanted, size // MB, free_memory() // MB) if usual.is_embedded else 0
    apart = await _started(workspace, usual.server_version, chosen) if chosen else None
    if apart is None:
        yield usual, _told(USUAL_MB, wanted, size // MB) if usual.is_embedded else ""
        return
    async with apart:
        yield apart, _told(chosen, wanted, size // MB)


def buffers_wanted(live_mb: int, size_mb: int, free_mb: int) -> int:
    """Megabytes of shared_buffers for a copy, 0 where the usual server does: a power of two, so that few servers are made.

    No more than live has, than the copy and its indexes can fill, and than a part of what is free.
    """
    most = min(live_mb, 4 * size_mb, round(SHARE * free_mb))
    return 1 << (most.bit_length() - 1) if most >= 2 * USUAL_MB else 0


def free_memory() -> int:
    """Bytes that may still be had, by the system and by the limit of a container; 0 where that cannot be read."""
    found = []
    with suppress(OSError, ValueError):
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
    if not found:
        with suppress(OSError, ValueError, AttributeError):  # no part of the system's memory is known to be free there
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return min(found, default=0)


async def _started(workspace: Workspace, version: int, buffers_mb: int) -> Sandboxes | None:
    """A server apart that runs; None where it could not be started, for the system may refuse that much memory at once."""
    apart = await open_sandboxes(cache=workspace.cache, near_version=version or None, buffers_mb=buffers_mb)
    try:
        await apart.start()
    except DatabaseError:
        await apart.close()
        return None
    except BaseException:
        await apart.close()
        raise
    return apart


def _told(copy_mb: int, live_mb: int, size_mb: int) -> str:
    if live_mb <= copy_mb or size_mb <= copy_mb:
        return ""
    return (
        f"The copy held {copy_mb:,} MB of pages in memory (shared_buffers), live holds up to {live_mb:,}: what is read at random"
        " may be faster there than it was measured."
    )
