"""How long statements take on a copy with rows, with some indexes and without."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import asyncpg

from mcp_server.errors import ArchitectError, TimedOut
from mcp_server.model.candidate import Candidate
from mcp_server.world.database import finish, translating

if TYPE_CHECKING:
    from mcp_server.world.data_copy import Ground
    from mcp_server.world.what_if import Trial

Set = frozenset[Candidate]
# What makes a plan the same plan: what its nodes are, do, and read.
_SAME = ("Node Type", "Index Name", "Relation Name", "Alias", "Join Type", "Index Cond", "Strategy", "Scan Direction")
LONG_MS = 3_000.0
# A run as long as this says enough at once; a shorter one is measured twice, for a moment's noise is a large part of it.
ONCE_MS = 500.0
BUILDING_MB = 256
PACE_SECONDS = 3.0
# How often the processor's time of a run that may be ended is looked at; by the clock it may take so many times as much as by the
# processor, for others want the machine too.
LOOK_SECONDS, PATIENCE = 0.05, 4.0
PACE = "select max(md5(a::text)) from generate_series(1, 25000) a join generate_series(1, 25000) b on a = (b * 7919) % 25013"
_TUNING = """
    select name, setting from pg_catalog.pg_settings
    where context = 'user' and (category like 'Query Tuning%' or name in ('work_mem', 'hash_mem_multiplier'))
      and name not like 'debug%' and name <> 'plan_cache_mode' and source <> 'default'
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement. milliseconds: of the server's process, or of its clock where that is less, at the pace that the machine
    had at the start; raw: as they were. is_cut: by the time limit."""

    milliseconds: float
    used: Set
    is_cut: bool = False
    raw: float = 0.0


@dataclass(slots=True)
class Pace:
    """How slow the machine is now, beside what it was at the start: whoever shares it can make the same work take twice as long, for minutes.

    A statement that always does the same, in the processor and in memory, is run every few seconds. work: by the time of the
    server's process; clock: by the clock, which waiting for a processor is part of. unit: both at the start, in milliseconds.
    """

    unit: tuple[float, float] | None = None
    work: float = 1.0
    clock: float = 1.0
    told_at: float = 0.0

    def tell(self, work: float, clock: float) -> None:
        """What that statement took, in milliseconds."""
        self.unit = self.unit or (work, clock)
        self.work, self.clock = work / self.unit[0], clock / self.unit[1]
        self.told_at = monotonic()

    @property
    def is_old(self) -> bool:
        return self.unit is None or monotonic() - self.told_at > PACE_SECONDS


@dataclass(slots=True)
class Clock:
    """Measures statements on a trial. known: a run by text and plan, so that the same plan is not run again."""

    trial: Trial
    limit_ms: float
    processor: Path | None = None
    known: dict[tuple[str, str], Run] = field(default_factory=dict)
    runs: int = 0
    pace: Pace = field(default_factory=Pace)
    limited_to: float = field(init=False)

    def __post_init__(self) -> None:
        self.limited_to = self.limit_ms

    async def run(self, text: str, wanted: Set, most_ms: float | None = None, doubt_ms: float = math.inf) -> Run:
        """How long the plan takes that the planner chooses with these candidates; measured once per plan.

        most_ms: after which the run is ended, because no more is wanted to be known than that it takes longer. doubt_ms: a
        new time beyond it is measured again, for a moment's noise should not decide.
        """
        _, used, root = await self.trial.plan(text, wanted)
        key = text, json.dumps(list(_signature(root)))
        found = self.known.get(key)
        most = min(most_ms or self.limit_ms, self.limit_ms)
        if found is None or (found.is_cut and found.milliseconds < most):
            found = await self.measure(text, most)
            if not found.is_cut and not ONCE_MS <= found.milliseconds <= doubt_ms:
                again = await self.measure(text, most)
                found = min(found, again, key=lambda one: one.milliseconds)
            self.known[key] = found
        return replace(found, used=used)

    async def measure(self, text: str, most_ms: float | None = None) -> Run:
        """One run with the candidates that are shown now, ended after most_ms of the processor where that can be read, of the clock else.

        Raises ArchitectError where it fails by itself.
        """
        most = min(most_ms or self.limit_ms, self.limit_ms)
        await self._read_pace()
        before = self.pace.work
        patience = PATIENCE if self.processor else max(before, self.pace.clock)
        await self._limit(min(most * patience, self.limit_ms))
        self.runs += 1
        try:
            with translating("measuring a statement"):
                root, raw, _ = await self._timed(text, most * before)
        except ArchitectError as error:
            await self.trial.show_all()
            await self._limit(self.limit_ms)
            if isinstance(error, TimedOut):
                return Run(most, frozenset(), True, most * before)
            raise
        await self._limit(self.limit_ms)
        await self._read_pace()
        factor = (before + self.pace.work) / 2
        return Run(raw / factor, self.trial.used(root), False, raw)

    async def _timed(self, text: str, most: float = math.inf) -> tuple[dict[str, Any], float, float]:
        """The plan that was carried out, and the milliseconds of the server's process, or of the clock where they are less, and of the clock.

        most: milliseconds of the server's process after which it is cancelled.
        """
        spent = self._spent()
        running = asyncio.ensure_future(
            self.trial.ground.theirs.fetchval(f"explain (format json, analyze, timing off, buffers) {text}")
        )
        try:
            while self.processor and not (await asyncio.wait({running}, timeout=LOOK_SECONDS))[0]:
                if (self._spent() - spent) / 1e6 > most:
                    await self._cancel()
            document = json.loads(await running)
        finally:
            if (
                not running.done()
            ):  # whoever asked was cancelled: the connection is free again when the statement has ended
                running.cancel()
                await finish(asyncio.wait({running}))
        clock = float(document[0]["Execution Time"])
        raw = min(clock, (self._spent() - spent) / 1e6) if self.processor else clock
        return document[0]["Plan"], raw, clock

    async def _cancel(self) -> None:
        ground = self.trial.ground
        await ground.ours.execute("select pg_catalog.pg_cancel_backend($1)", ground.theirs.get_server_pid())

    async def _read_pace(self) -> None:
        if self.pace.is_old:
            with translating("measuring how fast the machine is"):
                times = [await self._timed(PACE) for _ in range(2 if self.pace.unit else 5)]
            self.pace.tell(min(raw for _, raw, _ in times), min(clock for _, _, clock in times))

    async def _limit(self, milliseconds: float) -> None:
        if milliseconds != self.limited_to:
            self.limited_to = milliseconds
            await self.trial.ground.theirs.execute(f"set statement_timeout = {max(int(milliseconds), 1)}")

    def _spent(self) -> int:
        """Nanoseconds that the server's process has worked so far: https://docs.kernel.org/scheduler/sched-stats.html."""
        return int(self.processor.read_text().split()[0]) if self.processor else 0


async def open_clock(trial: Trial, limit_ms: float) -> Clock:
    """A clock for a trial whose rows are settled. limit_ms: for one statement."""
    theirs = trial.ground.theirs
    await theirs.execute(
        f"set statement_timeout = {int(limit_ms)}; set max_parallel_workers_per_gather = 0; set jit = off;"
        f" set maintenance_work_mem = '{BUILDING_MB}MB'"
    )
    processor = Path(f"/proc/{theirs.get_server_pid()}/schedstat")
    readable = trial.ground.can_pretend and os.access(processor, os.R_OK)
    return Clock(trial, limit_ms, processor if readable else None)


def _signature(root: Mapping[str, Any]) -> Iterator[Any]:
    yield [root.get(name) for name in _SAME]
    for child in root.get("Plans", ()):
        yield list(_signature(child))


async def same_settings(source: asyncpg.Connection[asyncpg.Record], ground: Ground) -> None:
    """Plan on the copy as the database in use does."""
    with translating("reading the planner's settings"):
        rows = await source.fetch(_TUNING)
    for row in rows:
        try:
            await ground.theirs.execute("select pg_catalog.set_config($1, $2, false)", row["name"], row["setting"])
        except asyncpg.PostgresError:  # a setting that this version lacks, or only superusers may make
            continue


async def build(trial: Trial, one: Candidate) -> tuple[int, float] | None:
    """Build a candidate on the rows: its bytes and how many milliseconds it took; None when Postgres refused."""
    began = monotonic()
    await trial.make([one])
    if one in trial.refused:
        return None
    took = (monotonic() - began) * 1000
    if "" in one.columns:  # an expression has statistics once its index is there and the table was analyzed
        await trial.ground.theirs.execute(f"analyze {one.table}")
    sizes = await trial.ground.ours.fetchval(
        "select sum(pg_catalog.pg_relation_size(oid)) from unnest($1::oid[]) oid",
        [part.oid for part in trial.parts[one]],
    )
    return int(sizes or 0), took


async def write_costs(
    trial: Trial, table: str, chosen: Set, foreign: tuple[str, ...], rows: int = 1000
) -> tuple[float, float] | None:
    """Milliseconds that putting some rows into a table takes without these candidates and with them; None if it cannot be.

    Existing rows are taken out and put back inside a transaction that is rolled back. foreign: statements that take away
    the foreign keys there, which are not what is measured.
    """
    theirs, found = trial.ground.theirs, []
    for shown in (frozenset[Candidate](), chosen):
        hidden = [trial.name(one) for one in trial.parts if one.table == table and one not in shown]
        schema = table.rpartition(".")[0]
        transaction = theirs.transaction()
        await transaction.start()
        try:
            for statement in (*foreign, *(f"drop index {schema}.{name}" for name in hidden)):
                await theirs.execute(statement)
            await theirs.execute(f"create temp table dbarch_moved on commit drop as select * from {table} limit 0")
            await theirs.execute(
                f"with gone as (delete from {table} where (tableoid, ctid) in (select tableoid, ctid from {table} limit {int(rows)}) returning *)"
                " insert into dbarch_moved select * from gone"
            )
            best = min([await _inserted(theirs, table) for _ in range(2)])
            found.append(best)
        except asyncpg.PostgresError:
            return None
        finally:
            await transaction.rollback()
    return found[0], found[1]


async def _inserted(theirs: asyncpg.Connection[asyncpg.Record], table: str) -> float:
    inner = theirs.transaction()
    await inner.start()
    try:
        text = f"explain (format json, analyze, timing off) insert into {table} overriding system value select * from dbarch_moved"
        return float(json.loads(await theirs.fetchval(text))[0]["Execution Time"])
    finally:
        await inner.rollback()
