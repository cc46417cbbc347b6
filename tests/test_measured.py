"""Measuring on a copy: a hopeless run is ended, is remembered as such, and is measured anew only for whoever allows it more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from mcp_server.errors import StatementFailed
from mcp_server.model.candidate import Candidate
from mcp_server.model.workload import Query
from mcp_server.operations.index_proof import searched_texts, searched_twice
from mcp_server.world.data_copy import Ground
from mcp_server.world.database import connect
from mcp_server.world.measured import Clock, Pace, open_clock
from mcp_server.world.rehearsal import Copy
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.what_if import Trial

pytestmark = pytest.mark.anyio
NONE: frozenset[Candidate] = frozenset()
LONG = "select pg_sleep(0.3)"


@pytest.fixture
async def clock(database: Sandbox, sandboxes: Sandboxes) -> AsyncIterator[Clock]:
    """A clock on an empty database, that allows a statement twenty seconds."""
    ours, theirs = await connect(database.url), await connect(database.url)
    yield await open_clock(Trial(Ground(Copy(ours, database, sandboxes), theirs), has_rows=True), 20_000)
    await ours.close(timeout=5)
    await theirs.close(timeout=5)


async def test_a_hopeless_run_is_ended_and_measured_anew_where_more_is_allowed(clock: Clock) -> None:
    ended = await clock.run(LONG, NONE, 50)
    assert (ended.is_cut, ended.milliseconds) == (True, 50)
    assert await clock.run(LONG, NONE, 50) == ended
    assert clock.runs == 1
    assert not (await clock.run(LONG, NONE)).is_cut
    assert clock.runs > 1


async def test_a_busy_statement_is_ended_by_the_time_of_its_processor_and_the_connection_goes_on(clock: Clock) -> None:
    assert clock.processor is not None
    ended = await clock.measure("select sum(sqrt(g)) from generate_series(1, 100000000) g", 100)
    assert (ended.is_cut, ended.milliseconds) == (True, 100)
    assert not (await clock.measure("select 1", 100)).is_cut


async def test_whoever_stops_to_wait_ends_the_statement(clock: Clock) -> None:
    waiting = asyncio.ensure_future(clock.measure("select pg_sleep(15)"))
    await asyncio.sleep(0.3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await clock.trial.ground.theirs.fetchval("select 1") == 1


async def test_a_time_in_doubt_is_measured_again(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_server.world.measured.ONCE_MS", 0.0)
    await clock.run("select 1", NONE)
    assert clock.runs == 1
    await clock.run("select 2", NONE, doubt_ms=0)
    assert clock.runs == 3
    await clock.run("select 2", NONE, doubt_ms=0)
    assert clock.runs == 3


async def test_the_limit_of_one_run_does_not_stay(clock: Clock) -> None:
    theirs = clock.trial.ground.theirs
    before = await theirs.fetchval("show statement_timeout")
    await clock.run(LONG, NONE, 50)
    assert await theirs.fetchval("show statement_timeout") == before == "20s"
    with pytest.raises(StatementFailed, match="division by zero"):
        await clock.measure("select 1 / (random() * 0)::int", 50)
    assert await theirs.fetchval("show statement_timeout") == before


def test_quick_statements_are_searched_with_other_values_as_far_as_the_time_allows() -> None:
    base = {"quick": 10.0, "middling": 200.0, "slow": 5_000.0}
    assert searched_twice(base, 80) == {"quick", "middling"}
    assert searched_twice(base, 10) == {"quick"}
    assert searched_twice(base, 3_600) == set(base)
    assert searched_twice({"one": 1_000.0, "other": 1_000.0, "third": 1_000.0}, 100) == set()
    assert searched_twice(dict.fromkeys("abcdefghij", 300.0), 100) == set("abcdefgh")
    query = Query("slow", "select $1", runnable="select 1", others=("select 2", "select 3"))
    assert searched_texts(query, frozenset({"slow"})) == ("select 1", "select 2")
    assert searched_texts(query, frozenset()) == ("select 1",)


async def test_times_are_told_at_the_pace_of_the_start(clock: Clock) -> None:
    work = "select count(*) from generate_series(1, 300000) g where md5(g::text) < '7'"
    usual = min([await clock.measure(work) for _ in range(3)], key=lambda one: one.milliseconds)
    assert clock.pace.unit is not None
    unit = clock.pace.unit
    clock.pace.unit = (
        unit[0] / 4,
        unit[1] / 4,
    )  # as if the machine had been four times as fast when it was first asked
    clock.pace.tell(*unit)
    slowed = min([await clock.measure(work) for _ in range(3)], key=lambda one: one.milliseconds)
    assert slowed.milliseconds < 0.5 * usual.milliseconds
    assert slowed.raw > 2 * slowed.milliseconds


def test_a_pace_is_read_at_first_and_when_it_is_old() -> None:
    pace = Pace()
    assert pace.is_old
    pace.tell(30.0, 40.0)
    assert (pace.is_old, pace.work, pace.clock) == (False, 1.0, 1.0)
    pace.tell(60.0, 40.0)
    assert (pace.work, pace.clock) == (2.0, 1.0)
    pace.told_at -= 60
    assert pace.is_old
