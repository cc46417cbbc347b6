"""Fixtures for tests against an emulated Neon.

pgbouncer    the program of PgBouncer 1.21 or newer; the test is skipped, with the reason, where there is none
neon         a Ground of this test: proxy, Postgres behind the direct host, PgBouncer behind the pooled one
    shared       the same for all tests of a module that only log in
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_server.world.sandbox import Sandboxes
from tests.neon.bouncer_program import NoPgBouncer, find_pgbouncer
from tests.neon.ground import Ground, lend_ground


@pytest.fixture(scope="session")
def pgbouncer() -> Path:
    try:
        return find_pgbouncer()
    except NoPgBouncer as reason:
        pytest.skip(str(reason))


@pytest.fixture
async def neon(sandboxes: Sandboxes, pgbouncer: Path, cache: Path) -> AsyncIterator[Ground]:
    async with lend_ground(sandboxes, pgbouncer, cache) as ground:
        yield ground


@pytest.fixture(scope="module")
async def shared(sandboxes: Sandboxes, pgbouncer: Path, cache: Path) -> AsyncIterator[Ground]:
    async with lend_ground(sandboxes, pgbouncer, cache) as ground:
        yield ground
