"""The way to a proven advice: the rows come over, the statements are measured, candidates are built and measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from mcp_server.errors import Refused
from mcp_server.model.candidate import Advice
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Schema
from mcp_server.model.workload import Query
from mcp_server.operations.index_confirm import Proof
from mcp_server.operations.index_proof import accepted, base_times, prove, writes
from mcp_server.operations.index_search import MOST_BUILT, MOST_OFFERED, Estimate, Survey, estimate, offered, survey
from mcp_server.operations.index_understanding import Understood, foreign_keys, with_others
from mcp_server.planning.whole import making
from mcp_server.world.branch_copy import branch_ground_of
from mcp_server.world.data_copy import Ground, bring_rows, ground_of, plain_tables, roots_of, settle, wanted_part
from mcp_server.world.measured import Clock, open_clock, same_settings
from mcp_server.world.measuring_server import measuring_sandboxes
from mcp_server.world.sampling import count_groups
from mcp_server.world.sql import read_statement
from mcp_server.world.table_statistics import Known, read_statistics
from mcp_server.world.what_if import Trial, pretend_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_server.world.workspace import Workspace

STATEMENT_MS = 60_000
# Parts of the time: for asking about candidates one by one, for each search among them, and at least for building and
# measuring, however slow the planner was.
ASKING, SEARCHING, MEASURING = 1 / 6, 1 / 20, 1 / 2


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be proven. tables: that a copy is made of. size: bytes of those that statements use. budget: bytes.
    seconds: to search. extensions: at hand there. on: the branch to measure on, "" for a copy."""

    schema: Schema
    tables: tuple[str, ...]
    understood: Understood
    size: int
    budget: int
    seconds: float
    extensions: frozenset[str]
    on: str = ""


async def proven(workspace: Workspace, course: Course, trial: Trial) -> Advice:
    """The advice measured on a copy with the rows. trial: one without rows, to ask the planner."""
    part = wanted_part(course.schema, course.tables)
    async with _ground(workspace, course, part) as (ground, note):
        clock, known = await _filled(workspace, course, ground, trial)
        queries, notes = _runnable(course.understood)
        queries = await with_others(trial.ground, queries, known, foreign_keys(course.schema))
        notes = (*notes, note) if note else notes
        workspace.progress("Measuring the statements as they are", 0.25)
        base, queries, failed = await base_times(clock, queries, course.seconds)
        if not base:
            raise Refused("No statement of the workload could be measured.", "; ".join(failed[:5]))
        notes = (*notes, *failed)
        cut = [name for name, spent in base.items() if spent >= STATEMENT_MS]
        if cut:
            notes = (*notes, f"{', '.join(cut)} ran into the limit of {STATEMENT_MS // 1000} s; they take longer.")
        until = monotonic() + course.seconds
        workspace.progress("Asking the planner", 0.35)
        surveyed, estimates = await _searched(
            course, ground, trial if trial.ground.can_pretend else clock.trial, known, queries, base
        )
        workspace.progress("Building and measuring", 0.5)
        until = max(until, monotonic() + course.seconds * MEASURING)
        own = {one.name: frozenset(use.table for use in course.understood.uses[one.name]) for one in queries}
        proof = await prove(clock, queries, own, estimates, base, course.budget, until, surveyed.elsewhere)
        await writes(clock, proof, _without_keys(course.schema))
        return _advice(course, proof, surveyed, clock, notes)


@asynccontextmanager
async def _ground(workspace: Workspace, course: Course, part: Schema) -> AsyncIterator[tuple[Ground, str]]:
    """What is measured on: a copy, or the branch that was asked for; and a sentence on it, where one is needed."""
    if course.on:
        async with branch_ground_of(workspace, course.on) as (ground, place):
            yield ground, f"Measured on {place}."
        return
    live = await workspace.live()
    async with (
        measuring_sandboxes(workspace, live, course.size) as (sandboxes, note),
        ground_of(workspace, part, course.tables, making(part), sandboxes) as ground,
    ):
        yield ground, note


async def _filled(workspace: Workspace, course: Course, ground: Ground, trial: Trial) -> tuple[Clock, Known]:
    """The ground with the rows, a clock on it, and what is known of its tables, told to the trial too."""
    live = await workspace.live()
    tables = plain_tables(course.schema, course.understood.tables)
    if not course.on:
        workspace.progress(f"Copying the rows of {len(tables)} tables", 0.1)
        await bring_rows(live, ground, course.schema, tables)
        await settle(ground, course.schema, tables)
    await same_settings(live, ground)
    clock = await open_clock(Trial(ground, has_rows=True), STATEMENT_MS)
    roots = roots_of(course.schema)
    read = await read_statistics(ground.ours, (*tables, *{roots[name] for name in tables if name in roots}))
    known = read.without(trial.ground.missing).with_roots(roots)
    await pretend_tables(trial.ground, known)
    return clock, known


async def _searched(
    course: Course, ground: Ground, trial: Trial, known: Known, queries: Sequence[Query], base: Mapping[str, float]
) -> tuple[Survey, list[Estimate]]:
    """What the planner says: by the measured times, by its own costs, and with twice the room."""
    most = MOST_OFFERED if ground.can_pretend else MOST_BUILT
    offers = offered(course.understood, known, course.schema, course.extensions, most)
    counted = await count_groups(ground.theirs, known.tables, {one for some in offers.values() for one in some})
    groups = {(one.table, one.columns): count for one, count in counted.items()}
    surveyed = await survey(trial, known, queries, offers, course.seconds * ASKING, groups)
    goals = ((base, course.budget), (None, course.budget), (base, course.budget * 2))
    searching = course.seconds * SEARCHING
    return surveyed, [await estimate(surveyed, queries, room, searching, weigh) for weigh, room in goals]


def _advice(course: Course, proof: Proof, surveyed: Survey, clock: Clock, notes: tuple[str, ...]) -> Advice:
    return Advice(
        accepted=accepted(proof),
        timings=proof.timings,
        struck=proof.struck,
        outdone=proof.outdone,
        is_cut=proof.is_cut or surveyed.is_cut,
        proven=True,
        asked=surveyed.planner.asked,
        runs=clock.runs,
        notes=(*proof.tolerated, *course.understood.notes, *notes),
    )


def _runnable(understood: Understood) -> tuple[tuple[Query, ...], tuple[str, ...]]:
    """The statements that can be run for measuring: those that only read. The others are named."""
    kept, notes = [], []
    for one in understood.queries:
        if read_statement(one.runnable).changes:
            notes.append(f"{one.name} writes and reads nothing apart from that, so that it was not run.")
        else:
            kept.append(one)
    if not kept:
        raise Refused("Every statement of the workload writes.", "Give the queries that are slow, or prove=false.")
    return tuple(kept), tuple(notes)


def _without_keys(schema: Schema) -> dict[str, tuple[str, ...]]:
    """By table, the statements that take away the foreign keys from it and to it."""
    found: dict[str, list[str]] = {}
    for one in schema.all(Constraint):
        if one.kind == "f":
            for table in {one.table, one.references}:
                found.setdefault(table, []).append(
                    f"alter table {one.table} drop constraint if exists {quote(one.name)}"
                )
    return {table: tuple(statements) for table, statements in found.items()}
