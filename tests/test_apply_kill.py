"""Killed at any moment, an apply leaves the database at a revision, or in a state that the next call names and finishes.

`DBARCH_KILLS=100` kills a hundred times, half of them in each of two histories; the usual handful is spread over the whole run.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.operations.apply import apply_migration
from mcp_server.world.apply_lock import alone
from mcp_server.world.carrying_out import journal_of
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.urls import read_url
from tests.applying import AT_B2, AtB2, ask, open_live, planned, read, run
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

KILLS = int(os.environ.get("DBARCH_KILLS", "10"))
SEED = int(os.environ.get("DBARCH_SEED", "11"))
ROWS = "insert into authors (id, name, born) select n, 'author ' || n, n % 100 from generate_series(1, 60000) n"
INVALID = "select count(*) from pg_index where not indisvalid"
VERSION = "select version_num from alembic_version"
INDEXES = (
    "create index concurrently by_born on authors (born)",
    "create index concurrently by_name on authors (name)",
)
MIXED = (
    "alter table authors add mixed int",
    "create index concurrently by_mixed on authors (mixed)",
    "alter table authors add later int",
)
REPEATABLE = (
    "drop index concurrently if exists by_both",
    "create index concurrently by_both on authors (name, born)",
)
MIXED_TEXT = """
from alembic import op

revision = "c3"
down_revision = "b2"


def upgrade() -> None:
    op.execute("alter table authors add mixed int")
    with op.get_context().autocommit_block():
        op.execute("create index concurrently by_mixed on authors (mixed)")
    op.execute("alter table authors add later int")
"""


async def add_plain(project: AtB2) -> None:
    """One transaction, then indexes outside of any."""
    await project.add("c3", "b2", "alter table authors add died date", "create table books (id int primary key)")
    await project.add("d4", "c3", *INDEXES, outside=True)


async def add_mixed(project: AtB2) -> None:
    """A revision that commits in its middle, then statements that may be repeated."""
    await project.add("c3", "b2", *MIXED, outside=True, text=MIXED_TEXT)
    await project.add("d4", "c3", *REPEATABLE, outside=True, repeatable=True)


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
    while await ask(live, VERSION) != "d4":
        seen = await apply_migration(workspace)
        plans.append(seen.text)
        assert len(plans) < 3, plans
        data = cast("dict[str, Any]", seen.data)
        done = await apply_migration(workspace, plan_hash=data["plan_hash"], confirm=tuple(data["destroys"]))
        assert done.findings == 0, done.text
    return plans


def kill_after(
    process: subprocess.Popen[bytes], journal: Path, revision: str, lines: int, chance: random.Random
) -> str:
    """Kill a run at a moment of its own: when it has written so many lines on that revision, or within 0.15 s of then."""
    while process.poll() is None and not _is_at(journal, revision, lines):
        _let(process, 0.01)
    _let(process, chance.random() * 0.15)
    if process.poll() is not None:
        return "ended"
    how = chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
    process.send_signal(how)
    process.wait()
    return how.name


def _let(process: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def _is_at(journal: Path, revision: str, lines: int) -> bool:
    found = journal.read_text("utf-8", "replace").splitlines() if journal.exists() else []
    return not lines or (len(found) >= lines and f'"revision": "{revision}"' in found[0])


async def fill(live: Sandbox) -> None:
    await run(live, *AT_B2, ROWS)


@pytest.mark.timeout(300 + 60 * KILLS)
@pytest.mark.parametrize("add", [add_plain, add_mixed])
async def test_an_apply_killed_at_any_moment_is_named_and_finished_by_the_next_call(
    add: Callable[[AtB2], Awaitable[None]], tmp_path: Path, sandboxes: Sandboxes, cache: Path
) -> None:
    chance = random.Random(SEED)
    filled = await sandboxes.template("at b2 with rows", fill)
    async with sandboxes.lend(filled) as live:
        project = AtB2(open_live(copy_history(tmp_path), sandboxes, live, cache=cache), live, sandboxes)
        await add(project)
        _, digest = await planned(project.workspace)
        assert start(project, live, cache, digest).wait() == 0
        whole = (await read(live)).fingerprint
    for _ in range((KILLS + 1) // 2):
        async with sandboxes.lend(filled) as live:
            _, digest = await planned(project.workspace.configured(database_url=live.url))
            revision, lines = chance.choice(["c3", "d4"]), chance.randrange(8)
            journal = journal_of(project.workspace.ledger, read_url(live.url))
            process = start(project, live, cache, digest)
            how = kill_after(process, journal, revision, lines, chance)
            async with alone(read_url(live.url)):
                pass  # the sessions of the killed run have ended
            at = await ask(live, VERSION)
            plans = await go_on(project, live)
            halfway = any("stopped halfway" in plan for plan in plans)
            print(f"{how} in {revision} after {lines}: at {at}, {'halfway' if halfway else 'whole'}", flush=True)  # noqa: T201
            assert (await read(live)).fingerprint == whole
            assert await ask(live, INVALID) == 0
