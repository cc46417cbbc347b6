"""Killed at any moment, an apply leaves the database at a revision, or in a state that the next call names and finishes.

`DBARCH_KILLS=100` kills a hundred times; the usual handful is spread over the whole run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.operations.apply import apply_migration
from mcp_server.world.apply_lock import alone
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.urls import read_url
from tests.applying import AT_B2, AtB2, ask, open_live, planned, read, run
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

KILLS = int(os.environ.get("DBARCH_KILLS", "5"))
ROWS = "insert into authors (id, name, born) select n, 'author ' || n, n % 100 from generate_series(1, 60000) n"
INVALID = "select count(*) from pg_index where not indisvalid"
VERSION, LAST = "select version_num from alembic_version", "f6"
MIXED = """
from alembic import op

revision = "e5"
down_revision = "d4"


def upgrade() -> None:
    op.execute("alter table authors add mixed int")
    with op.get_context().autocommit_block():
        op.execute("create index concurrently by_mixed on authors (mixed)")
    op.execute("alter table authors add later int")
"""


async def add_revisions(project: AtB2) -> None:
    """One transaction; indexes outside of any; what commits in the middle; statements that may be repeated."""
    await project.add(
        "c3", "b2", "alter table authors add died date", "create table books (id int primary key, author int)"
    )
    await project.add(
        "d4", "c3", "create index concurrently by_born on authors (born)", "create index concurrently by_name on authors (name)",
        outside=True,
    )  # fmt: skip
    await project.add(
        "e5", "d4", "alter table authors add mixed int", "create index concurrently by_mixed on authors (mixed)",
        "alter table authors add later int", outside=True, text=MIXED,
    )  # fmt: skip
    await project.add(
        "f6", "e5", "drop index concurrently if exists by_both", "create index concurrently by_both on authors (name, born)",
        "alter table books drop constraint if exists written", outside=True, repeatable=True,
    )  # fmt: skip


def start(project: AtB2, live: Sandbox, cache: Path, plan_hash: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "mcp_server",
        "apply-migration",
        "--plan-hash",
        plan_hash,
        "--project",
        str(project.root),
    ]
    environment = {**os.environ, "DBARCH_DATABASE_URL": live.url, "DBARCH_CACHE_DIR": str(cache)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def go_on(project: AtB2, live: Sandbox) -> list[str]:
    """Call it as somebody would who finds the database after a kill, until all is applied. -> the plans that it showed."""
    plans: list[str] = []
    workspace = project.workspace.configured(database_url=live.url)
    while await ask(live, VERSION) != LAST:
        seen = await apply_migration(workspace)
        plans.append(seen.text)
        assert len(plans) < 3, plans
        data = cast("dict[str, Any]", seen.data)
        done = await apply_migration(workspace, plan_hash=data["plan_hash"], confirm=tuple(data["destroys"]))
        assert done.findings == 0, done.text
    return plans


async def test_an_apply_killed_at_any_moment_is_named_and_finished_by_the_next_call(
    tmp_path: Path, sandboxes: Sandboxes, cache: Path
) -> None:
    chance, found = random.Random(11), Counter[str]()
    async with sandboxes.lend() as live:
        await run(live, *AT_B2, ROWS)
        project = AtB2(open_live(copy_history(tmp_path), sandboxes, live), live, sandboxes)
        await add_revisions(project)
        _, digest = await planned(project.workspace)
        began = time.monotonic()
        assert start(project, live, cache, digest).wait() == 0
        length = time.monotonic() - began
        whole = (await read(live)).fingerprint
    for number in range(KILLS):
        async with sandboxes.lend() as live:
            await run(live, *AT_B2, ROWS)
            _, digest = await planned(project.workspace.configured(database_url=live.url))
            process = start(project, live, cache, digest)
            try:
                process.wait(timeout=length * (0.2 + 0.8 * (number + chance.random()) / KILLS))
            except subprocess.TimeoutExpired:
                process.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.wait()
            async with alone(read_url(live.url)):
                pass  # the sessions of the killed run have ended
            at = await ask(live, VERSION)
            plans = await go_on(project, live)
            halfway = "halfway" if any("stopped halfway" in plan for plan in plans) else "at a revision"
            found[f"{at}, {halfway}"] += 1
            assert (await read(live)).fingerprint == whole
            assert await ask(live, INVALID) == 0
    print(dict(found))  # noqa: T201
    assert sum(found.values()) == KILLS
