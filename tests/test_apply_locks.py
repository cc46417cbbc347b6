"""apply_migration among other sessions: it waits shortly, tries again, says who is in the way, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from mcp_server.errors import Refused
from mcp_server.operations.apply import apply_migration
from mcp_server.world.apply_lock import PRESENT, SPACE, alone
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.urls import read_url
from tests.applying import AT_B2, AtB2, applied, ask, open_live, planned, run, wait_until
from tests.opened import PROJECTS, copy_history

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"
ADD = "alter table authors add died date"
INDEX = "create unique index concurrently one_name on authors (name)"
OTHERS = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
WAITING = "exists (select from pg_stat_activity where wait_event_type = 'Lock' and query ilike 'alter table%')"
DOUBLES = "insert into authors (id, name) values (1, 'same'), (2, 'same')"


@pytest.fixture
async def at_b2(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> AtB2:
    """A project whose live database is at b2, its last revision."""
    await run(database, *AT_B2)
    return AtB2(open_live(copy_history(tmp_path), sandboxes, database), database, sandboxes)


@pytest.fixture
async def reader(at_b2: AtB2) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Another session, in a transaction that has read the table."""
    connection = await connect(at_b2.live.url, application_name="a report")
    await connection.execute("begin; select * from authors")
    yield connection
    await connection.close(timeout=5)


async def test_a_revision_that_meets_a_lock_is_tried_until_it_is_released(
    at_b2: AtB2, reader: asyncpg.Connection[asyncpg.Record]
) -> None:
    await at_b2.add("c3", "b2", ADD)
    met = asyncio.Event()
    at_b2.workspace._progress = lambda message, done: met.set() if "met a lock" in message else None
    _, digest = await planned(at_b2.workspace)
    applying = asyncio.create_task(apply_migration(at_b2.workspace, plan_hash=digest, lock_timeout_ms=300))
    await met.wait()
    await reader.execute("commit")

    answer = await applying

    assert answer.text.startswith("Applied c3 to live ("), answer.text
    assert "times: it met locks." in answer.text
    assert await ask(at_b2.live, VERSION) == "c3"


@pytest.mark.parametrize("env", ["sync_template", "async_template"])
async def test_a_lock_that_is_never_released_ends_the_apply_and_its_holder_is_named(
    env: str, at_b2: AtB2, reader: asyncpg.Connection[asyncpg.Record]
) -> None:
    shutil.copy(PROJECTS / "envs" / f"{env}.py", at_b2.root / "migrations" / "env.py")
    await at_b2.add("c3", "b2", ADD)

    answer = await applied(at_b2.workspace, lock_timeout_ms=1000, attempts=2)

    assert answer.findings == 1
    assert "canceling statement due to lock timeout" in answer.text
    assert "Tried 2 times, each met a lock of another session." in answer.text
    assert f"In the way: process {reader.get_server_pid()} (a report) of postgres, idle in transaction" in answer.text
    assert "The database is at b2; nothing of c3 remains." in answer.text
    assert await ask(at_b2.live, VERSION) == "b2"


async def test_a_second_apply_says_who_holds_the_first(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", ADD)
    _, digest = await planned(at_b2.workspace)

    async with alone(read_url(at_b2.live.url)):
        with pytest.raises(
            Refused, match=r"Another apply runs on .* by dbarch apply by .*@.* pid \d+; nothing was run"
        ):
            await apply_migration(at_b2.workspace, plan_hash=digest)

    assert (await apply_migration(at_b2.workspace, plan_hash=digest)).findings == 0


async def test_an_apply_waits_for_sessions_that_a_killed_one_left(at_b2: AtB2) -> None:
    left = await connect(at_b2.live.url)
    await left.execute(f"select pg_advisory_lock_shared({SPACE}, {PRESENT})")

    with pytest.raises(Refused, match=f"A session of an earlier apply still runs .*process {left.get_server_pid()}"):
        async with alone(read_url(at_b2.live.url), patience=0):
            pass

    await left.close()
    async with alone(read_url(at_b2.live.url)):
        pass


@pytest.mark.parametrize("env", ["sync_template", "async_template"])
async def test_every_session_of_a_revision_has_short_patience(env: str, at_b2: AtB2) -> None:
    shutil.copy(PROJECTS / "envs" / f"{env}.py", at_b2.root / "migrations" / "env.py")
    seen = "create table seen as select current_setting('lock_timeout') a, current_setting('statement_timeout') b"
    await at_b2.add("c3", "b2", seen)

    answer = await applied(at_b2.workspace, lock_timeout_ms=1234)

    assert answer.findings == 0, answer.text
    assert await ask(at_b2.live, "select a || ' ' || b from seen") == "1234ms 1h"


async def test_a_cancelled_apply_leaves_nothing_and_the_next_one_says_so(
    at_b2: AtB2, reader: asyncpg.Connection[asyncpg.Record]
) -> None:
    await at_b2.add("c3", "b2", ADD)
    _, digest = await planned(at_b2.workspace)
    applying = asyncio.create_task(apply_migration(at_b2.workspace, plan_hash=digest, lock_timeout_ms=60_000))
    await wait_until(at_b2.live, WAITING)
    applying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await applying

    await reader.execute("commit")
    assert await ask(at_b2.live, OTHERS) == 1
    assert await ask(at_b2.live, VERSION) == "b2"
    text, digest = await planned(at_b2.workspace)
    assert "An apply of c3, begun 2" in text
    assert "did not report its end; the database is not marked with it." in text
    assert (await apply_migration(at_b2.workspace, plan_hash=digest)).findings == 0
    assert "did not report" not in (await apply_migration(at_b2.workspace)).text


async def test_an_invalid_index_is_named_and_taken_back_by_the_next_call(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", INDEX, outside=True)
    await run(at_b2.live, DOUBLES)

    answer = await applied(at_b2.workspace)

    assert answer.findings == 1
    assert "The database is between b2 and c3" in answer.text
    assert "INVALID indexes: public.one_name." in answer.text
    assert "DROP INDEX CONCURRENTLY public.one_name;" in answer.text
    await run(at_b2.live, "delete from authors where id = 2")
    text, digest = await planned(at_b2.workspace)
    assert "add index public.one_name, INVALID" in text
    assert "This apply first takes that back (tried on a copy)" in text
    answer = await apply_migration(at_b2.workspace, plan_hash=digest)
    assert answer.findings == 0, answer.text
    assert await ask(at_b2.live, "select indisvalid from pg_index where indexrelid = 'one_name'::regclass") is True


async def test_a_revision_half_run_is_finished_when_its_statements_may_be_repeated(at_b2: AtB2) -> None:
    first, second = "alter table authors add if not exists died date", "alter table authors add if not exists sex text"
    await at_b2.add("c3", "b2", first, second, outside=True, repeatable=True)
    await run(at_b2.live, first)

    text, digest = await planned(at_b2.workspace)

    assert "An earlier apply of the first revision was stopped halfway. Of it there is already:" in text
    assert "- add column public.authors.died" in text
    assert "Its statements may be run again: this apply finishes it." in text
    assert (await apply_migration(at_b2.workspace, plan_hash=digest)).findings == 0
    assert await ask(at_b2.live, VERSION) == "c3"


async def test_a_revision_half_run_is_taken_back_when_they_may_not(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", ADD, "alter table authors add sex text", outside=True)
    await run(at_b2.live, ADD)

    text, digest = await planned(at_b2.workspace)

    assert "ALTER TABLE public.authors DROP COLUMN died" in text
    assert "each object must be named: public.authors.died" in text
    answer = await apply_migration(at_b2.workspace, plan_hash=digest, confirm=("authors.died",))
    assert answer.findings == 0, answer.text
    assert await ask(at_b2.live, VERSION) == "c3"


async def test_a_revision_of_which_only_the_mark_is_missing_is_marked(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", ADD, "alter table authors add sex text", outside=True)
    await run(at_b2.live, ADD, "alter table authors add sex text")

    text, digest = await planned(at_b2.workspace)

    assert "this apply only marks the database with it" in text
    answer = await apply_migration(at_b2.workspace, plan_hash=digest)
    assert answer.findings == 0, answer.text
    assert await ask(at_b2.live, VERSION) == "c3"


async def test_rows_that_nobody_can_tell_of_are_left_to_a_person(at_b2: AtB2) -> None:
    await at_b2.add("c3", "b2", ADD, "update authors set died = now()", outside=True)
    await run(at_b2.live, ADD)

    with pytest.raises(Refused, match=r"(?s)An apply of c3 was stopped halfway.*Finish migrations/versions/c3\.py"):
        await apply_migration(at_b2.workspace)
