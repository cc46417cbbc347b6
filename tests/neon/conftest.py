"""Fixtures for tests against an emulated Neon.

pgbouncer    the program of PgBouncer 1.21 or newer; the test is skipped, with the reason, where there is none
neon         a Ground of this test: proxy, Postgres behind the direct host, PgBouncer behind the pooled one
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_server.world.sandbox import Sandboxes
from tests.neon.bouncer_program import NoPgBouncer, find_pgbouncer
from tests.neon.ground import Ground, open_ground


@pytest.fixture(scope="session")
def pgbouncer() -> Path:
    try:
        return find_pgbouncer()
    except NoPgBouncer as reason:
        pytest.skip(str(reason))


@pytest.fixture
async def neon(sandboxes: Sandboxes, pgbouncer: Path, cache: Path) -> AsyncIterator[Ground]:
    folder = Path(tempfile.mkdtemp(prefix="neon-", dir=cache))
    folder.chmod(0o755)
    async with open_ground(sandboxes, pgbouncer, folder) as ground:
        yield ground
    shutil.rmtree(folder)
