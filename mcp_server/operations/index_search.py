"""From a workload to the indexes that the planner would take: asked on a copy that only seems to have rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol, TypeVar

from mcp_server.model.candidate import Candidate
from mcp_server.model.schema import Schema
from mcp_server.model.workload import Query
from mcp_server.operations.index_understanding import Understood
from mcp_server.planning.asked_prices import Ask, Asking, Price, Problem, Set, most_gained, useful
from mcp_server.planning.candidates import candidates, is_served, merged
from mcp_server.planning.index_size import index_bytes
from mcp_server.planning.search import Choice, choose
from mcp_server.world.data_copy import indexes_of
from mcp_server.world.measured import build
from mcp_server.world.table_statistics import Known
from mcp_server.world.what_if import Trial, pretend_indexes, share_of

T = TypeVar("T")
Keys = tuple[str, tuple[str, ...]]
# How much of the goal is that every statement gains, beside that the whole does: else the many small ones get nothing. By measured
# times it is less, for a small time is noise in a large part.
EVENNESS, EVENNESS_MEASURED = 0.25, 0.1
KEPT_EACH, KEPT_EACH_OF_MANY, MANY = 12, 6, 30
MOST_OFFERED, MOST_BUILT, MOST_MERGED = 90, 16, 40
SHOWN = 80


class Answering(Protocol):
    """Who answers a search: the planner, or a clock."""

    async def answer(self, ask: Ask) -> Price: ...


async def driven(asking: Asking[T], by: Answering) -> T:
    """Carry a search to its end."""
    try:
        ask = next(asking)
        while True:
            ask = asking.send(await by.answer(ask))
    except StopIteration as end:
        found: T = end.value
        return found


@dataclass(slots=True)
class Planner:
    """Answers by the planner's costs. until: by the clock of the process. asked: how many plans so far."""

    trial: Trial
    texts: Mapping[str, str]
    until: float
    asked: int = 0

    async def answer(self, ask: Ask) -> Price:
        self.asked += 1
        cost, used, _ = await self.trial.plan(self.texts[ask.query], ask.visible)
        return Price(cost, used, monotonic() > self.until)


def offered(
    understood: Understood, known: Known, schema: Schema, extensions: frozenset[str], most: int = MOST_OFFERED
) -> dict[str, Set]:
    """The candidates of each statement, without those that an index which is there already serves."""
    found: dict[str, Set] = {}
    for name, uses in understood.uses.items():
        of_query = {
            one
            for use in uses
            if use.table in known.tables
            for one in candidates(use, known.tables[use.table], extensions)
        }
        new = (one for one in of_query if not is_served(one, indexes_of(schema, one.table)))
        found[name] = frozenset(sorted(new, key=lambda one: (len(one.include), len(one.keys), one))[:most])
    return found


@dataclass(slots=True)
class Survey:
    """What the planner says of the candidates one by one. base: each statement's cost as things are. pool: those that help.

    groups: how many combinations of values some columns of a table have, where somebody counted. shares: of the rows of a
    table that meet a condition. elsewhere: what each statement takes with other values. is_cut: whether time was up before all was asked.
    """

    planner: Planner
    sizes: dict[Candidate, int]
    base: dict[str, float]
    prices: dict[str, dict[Set, Price]] = field(default_factory=dict)
    bundles: set[Set] = field(default_factory=set)
    relevant: dict[str, Set] = field(default_factory=dict)
    pool: Set = frozenset()
    groups: Mapping[Keys, float] = field(default_factory=dict)
    shares: dict[tuple[str, str], float] = field(default_factory=dict)
    elsewhere: dict[str, Set] = field(default_factory=dict)
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """The planner's choice. problem: all that was learnt on the way; base: each statement's cost as things are."""

    choice: Choice
    problem: Problem
    base: dict[str, float]


async def open_survey(
    trial: Trial, queries: Sequence[Query], until: float, groups: Mapping[Keys, float] | None = None
) -> Survey:
    """A survey that knows what each statement costs as things are, and nothing else yet."""
    base = {query.name: (await trial.plan(query.runnable, frozenset()))[0] for query in queries}
    planner = Planner(trial, {query.name: query.runnable for query in queries}, until, len(queries))
    return Survey(planner, {}, base, groups=groups or {})


async def survey(
    trial: Trial,
    known: Known,
    queries: Sequence[Query],
    offers: Mapping[str, Set],
    seconds: float,
    groups: Mapping[Keys, float] | None = None,
) -> Survey:
    """Ask what each candidate does for each statement, and keep those that help. They stand on the trial afterwards.

    seconds: for this part; where time is short the statements that cost most come first.
    """
    began = monotonic()
    found = await open_survey(trial, queries, began + seconds, groups)
    planner, base = found.planner, found.base
    most = KEPT_EACH if len(queries) <= MANY else KEPT_EACH_OF_MANY
    chosen: dict[str, Set] = {}
    for number, query in enumerate(sorted(queries, key=lambda one: -_time(one, base[one.name], None)), 1):
        planner.until = began + seconds * number / len(queries)
        problem = Problem({}, found.sizes, 0, prices=found.prices, bundles=found.bundles)
        offer = offers[query.name]
        await prepare(trial, known, offer, found)
        possible = frozenset(one for one in offer if one in trial.parts)
        chosen[query.name] = await driven(useful(problem, query.name, possible, most), planner)
        found.elsewhere[query.name] = await _taken_elsewhere(planner, query, possible)
        chosen[query.name] |= found.elsewhere[query.name]
        found.is_cut = found.is_cut or problem.is_over
        await trial.drop(offer - frozenset(one for some in chosen.values() for one in some))
    pool = frozenset(one for some in chosen.values() for one in some)
    hoped = Problem(weights(queries, base, None), found.sizes, 0, relevant(chosen, pool), prices=found.prices)
    wider = sorted(merged(pool) - pool, key=lambda one: (-_hoped(hoped, pool, one), one))
    wider = wider[: 0 if trial.has_rows else MOST_MERGED]
    await prepare(trial, known, wider, found)
    found.pool = pool | {one for one in wider if one in trial.parts}
    found.relevant = relevant(chosen, found.pool)
    return found


async def _taken_elsewhere(planner: Planner, query: Query, possible: Set) -> Set:
    """What the planner takes for a statement with other values, and what then, of indexes for all rows alone."""
    taken: Set = frozenset()
    for text in query.others[:1]:
        for some in (possible, frozenset(one for one in possible if not one.where)):
            used = (await planner.trial.plan(text, some))[1]
            taken |= used | (await planner.trial.plan(text, some - used))[1]
            planner.asked += 2
    return taken


def _hoped(problem: Problem, pool: Set, wider: Candidate) -> float:
    """What those gain alone that an index could stand for, for each byte of its values."""
    parts = (one for one in pool if one.table == wider.table and one.keys[0] == wider.keys[0])
    gain = sum(most_gained(problem, one) for one in parts if one.stored <= wider.stored)
    return gain / (len(wider.stored) + 1)


async def estimate(
    found: Survey, queries: Sequence[Query], budget: int, seconds: float, weigh: Mapping[str, float] | None = None
) -> Estimate:
    """Search by the planner's costs, by benefit per byte alone: other orders found no better for twice the questions.

    weigh: milliseconds that each statement took, where they are known.
    """
    problem = Problem(
        weights(queries, found.base, weigh),
        found.sizes,
        budget,
        found.relevant,
        {bundle for bundle in found.bundles if bundle <= found.pool},
        prices=found.prices,
        is_surveyed=True,
    )
    found.planner.until = monotonic() + seconds
    return Estimate(await driven(choose(problem, found.pool, ("ratio",)), found.planner), problem, found.base)


async def prepare(trial: Trial, known: Known, wanted: Iterable[Candidate], found: Survey) -> None:
    """Make candidates: of the size that they would have, or for real where the trial has rows."""
    new = sorted(one for one in wanted if one not in trial.parts and one not in trial.refused)
    if trial.has_rows:
        for one in new:
            built = await build(trial, one)
            found.sizes[one] = built[0] if built else 0
        return
    shares: dict[Candidate, float] = {}
    for one in new:
        shares[one] = await _share(trial, known, one, found)
        groups = found.groups.get((one.table, one.columns)) if not one.where else None
        found.sizes[one] = index_bytes(one, known.tables[one.table], shares[one], groups)
    await pretend_indexes(trial, known, new, found.sizes, shares)


async def _share(trial: Trial, known: Known, one: Candidate, found: Survey) -> float:
    """The part of a table's rows that a candidate holds."""
    key = one.table, one.where
    if one.where and key not in found.shares:
        table = known.tables[one.table]
        rows = await share_of(trial.ground, one, partitioned=table.partitioned)
        found.shares[key] = min(rows / max(table.rows, 1), 1.0)
    return found.shares.get(key, 1.0)


def relevant(chosen: Mapping[str, Set], pool: Set) -> dict[str, Set]:
    """For each statement the candidates that may matter to it: its own, and relatives that begin with the same key."""
    found: dict[str, Set] = {}
    for name, own in chosen.items():
        leads = {(one.table, one.keys[0]) for one in own}
        found[name] = own | {one for one in pool if (one.table, one.keys[0]) in leads and not one.where}
    return found


def weights(
    queries: Sequence[Query], base: Mapping[str, float], weigh: Mapping[str, float] | None, evenness: float = EVENNESS
) -> dict[str, float]:
    """What a unit of each statement's cost counts: so that all costs together are about 1 when nothing was done.

    By the time that each took where that is known, and a part evenly, however small a statement is.
    """
    times = {one.name: _time(one, base[one.name], weigh) for one in queries}
    whole = sum(times.values()) or 1.0
    return {
        one.name: ((1 - evenness) * times[one.name] / whole + evenness / len(queries)) / max(base[one.name], 1e-9)
        for one in queries
    }


def _time(query: Query, base: float, weigh: Mapping[str, float] | None) -> float:
    if query.total_ms is not None:
        return query.total_ms
    return query.calls * (weigh[query.name] if weigh else base)
