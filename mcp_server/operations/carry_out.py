"""An apply, carried out: one revision at a time, tried again while it only meets locks, the database read after each."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, DatabaseError
from mcp_server.model.apply import ApplyPlan, ApplyStep, Outcome, Stop
from mcp_server.model.change import diff
from mcp_server.model.rehearsal_record import own_part
from mcp_server.model.schema import Index, Schema
from mcp_server.operations.aftermath import ASK_AGAIN, fault_of_end, heads_if_readable, stop_of
from mcp_server.operations.leftover import is_ddl
from mcp_server.world.apply_lock import Connection
from mcp_server.world.carrying_out import Attempt, Policy, Runner, journal_of, read_heads
from mcp_server.world.database import translating

if TYPE_CHECKING:
    from mcp_server.operations.applying import Site
    from mcp_server.world.alembic_process import Alembic

LONGEST_PAUSE = 30.0


async def carry_out(site: Site, alembic: Alembic, plan: ApplyPlan, policy: Policy) -> Outcome:
    """Run the plan's revisions in order up to the first that fails. Raises Refused when nothing can be run at all."""
    began = time.monotonic()
    journal = journal_of(site.workspace.ledger, site.target)
    runner = Runner(alembic, site.history, site.target, site.connection, journal, policy)
    applied: list[str] = []
    tries: list[tuple[str, int]] = []
    statements = 0
    stop = await _take_back(site, plan, policy)
    for number, step in enumerate(plan.steps if stop is None else ()):
        name = step.revision.id
        site.workspace.progress(f"applying {name} to {plan.label}", number / len(plan.steps))
        marks = number == 0 and plan.leftover is not None and plan.leftover.way == "mark"
        try:
            stop, attempt, count = await _apply(site, runner, step, is_mark=marks)
        except ArchitectError as error:
            if not applied and name not in await heads_if_readable(site):
                raise
            stop, attempt, count = Stop(name, error.message, ASK_AGAIN), Attempt(()), 1
        statements += attempt.statements
        tries += [(name, count)] if count > 1 else []
        if name in await heads_if_readable(site):
            applied.append(name)
        if stop is not None:
            break
    if stop is None:
        journal.unlink(missing_ok=True)
    spent = round((time.monotonic() - began) * 1000)
    return Outcome(tuple(applied), statements, spent, tuple(tries), stop)


async def _take_back(site: Site, plan: ApplyPlan, policy: Policy) -> Stop | None:
    """Carry out the way back from what a stopped apply left, when there is one."""
    if plan.leftover is None or not plan.leftover.undo:
        return None
    site.workspace.progress("taking back what an earlier apply left")
    done: list[str] = []
    try:
        for sql in plan.leftover.undo:
            await _execute(site.connection, policy, sql)
            done.append(sql)
    except DatabaseError as error:
        state = (f"{len(done)} of {len(plan.leftover.undo)} statements of the way back ran.",)
        return Stop(
            plan.steps[0].revision.id, error.message, "Call it again: it goes on from there.", state, tuple(done)
        )
    return None


async def _execute(connection: Connection, policy: Policy, sql: str) -> None:
    """Run a statement of our own, with the patience of the revisions' sessions."""
    with translating("taking back what was left"):
        await connection.execute(f"set lock_timeout = {policy.lock_timeout_ms}")
        try:
            await connection.execute(sql)
        finally:
            if not connection.is_closed():
                await connection.execute("reset lock_timeout")


async def _apply(site: Site, runner: Runner, step: ApplyStep, *, is_mark: bool) -> tuple[Stop | None, Attempt, int]:
    """Run one revision, again when it only met locks and nothing of it stayed. -> why it failed, the last try, how many."""
    start, heads = await site.schema(), await read_heads(site.connection, site.history)
    count = 0
    while True:
        count += 1
        tried = await runner.run(step.revision.id, step.record.sha256, "stamp" if is_mark else "upgrade")
        if tried.error is None:
            return await fault_of_end(site, step), tried, count
        may_repeat = tried.met_locks and count < runner.policy.attempts
        if not may_repeat or not await _is_as_before(site, runner.policy, step, tried, start, heads):
            return await stop_of(site, step, tried, count, start, heads), tried, count
        pause = _pause(runner.policy, count)
        site.workspace.progress(f"{step.revision.id} met a lock; try {count + 1} in {pause:.1f} s")
        await asyncio.sleep(pause)


def _pause(policy: Policy, count: int) -> float:
    """Seconds before the next try: longer each time, and never the same, so that two who wait do not meet again."""
    longest = min(LONGEST_PAUSE, policy.lock_timeout_ms / 1000 * 1.5**count)
    return random.uniform(longest / 2, longest)


async def _is_as_before(
    site: Site, policy: Policy, step: ApplyStep, tried: Attempt, start: Schema, heads: tuple[str, ...]
) -> bool:
    """Whether a revision that failed may be run again: nothing of it stayed, or what stayed may be done twice."""
    if await read_heads(site.connection, site.history) != heads:
        return False
    if step.record.repeatable:
        return True
    if any(one.outside and one.ended and not is_ddl(one.sql) for one in tried.sent):
        return False
    now = await site.schema()
    for index in _invalid(now):
        if start.get(Index, index.identity) is None:
            await _execute(site.connection, policy, f"drop index concurrently {index.identity}")
    return not diff(own_part(start), own_part(await site.schema()))


def _invalid(schema: Schema) -> tuple[Index, ...]:
    return tuple(index for index in schema.all(Index) if not index.valid)
