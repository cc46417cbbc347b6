"""The proof of an advice: indexes built on a copy with the rows, statements run before and after, what does not pay struck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from mcp_server.model.candidate import Accepted, Candidate, Struck, Timing
from mcp_server.model.workload import Query
from mcp_server.operations.index_search import Estimate, driven, weights
from mcp_server.planning.search import Ask, Choice, Price, Problem, Set, choose
from mcp_server.world.measured import LONG_MS, Clock, build, write_costs

# How much more than the budget is built to be tried, and how many each costly statement adds to that.
SUPERSET, EACH = 4.0, 5
PAIRS = 3
# What a slower statement counts more than one that is as much faster: advice should not make anything worse.
REGRET = 4.0


@dataclass(slots=True)
class Stopwatch:
    """Answers a search by measured times."""

    clock: Clock
    texts: Mapping[str, str]
    base: Mapping[str, float]
    until: float
    asked: int = 0

    async def answer(self, ask: Ask) -> Price:
        self.asked += 1
        run = await self.clock.run(ask.query, self.texts[ask.query], ask.visible)
        base, cost = self.base[ask.query], run.milliseconds
        if cost > 1.05 * base and cost - base > 1.0:
            cost += REGRET * (cost - base)
        return Price(cost, run.used, monotonic() > self.until)


@dataclass(slots=True)
class Proof:
    """What was measured. sizes, built: bytes and milliseconds of each index that was built. outdone: how many of them others did better than.
    is_cut: whether time was up before the search ended."""

    chosen: Set = frozenset()
    timings: tuple[Timing, ...] = ()
    struck: tuple[Struck, ...] = ()
    sizes: dict[Candidate, int] = field(default_factory=dict)
    built: dict[Candidate, float] = field(default_factory=dict)
    used: dict[Candidate, tuple[str, ...]] = field(default_factory=dict)
    writes: dict[str, tuple[float, float]] = field(default_factory=dict)
    outdone: int = 0
    is_cut: bool = False
    asked: int = 0


async def base_times(clock: Clock, queries: Sequence[Query]) -> dict[str, float]:
    """How long each statement takes as things are, in milliseconds."""
    return {one.name: (await clock.run(one.name, one.runnable, frozenset())).milliseconds for one in queries}


def proposals(estimates: Sequence[Estimate], base: Mapping[str, float], budget: int) -> list[Candidate]:
    """What to build: the picks of each search, then the best few of each costly statement; at most SUPERSET budgets."""
    found = [one for each in estimates for one in sorted(each.choice.chosen)]
    last = estimates[0]
    whole = sum(base.values()) or 1.0
    costly = sorted(base, key=lambda name: -base[name])
    for name in costly:
        gains = _gains(last.problem, name)
        some = EACH if base[name] > 0.01 * whole else 2
        for power in (0.0, 0.5, 1.0):
            found += sorted(gains, key=lambda one: -gains[one] / last.problem.sizes[one] ** power)[: max(some // 2, 1)]
    kept: list[Candidate] = []
    size = 0
    sizes = {one: bytes_ for each in estimates for one, bytes_ in each.problem.sizes.items()}
    for one in dict.fromkeys(found):
        if sizes[one] <= budget and size + sizes[one] <= SUPERSET * budget:
            kept.append(one)
            size += sizes[one]
    return kept


def _gains(problem: Problem, query: str) -> dict[Candidate, float]:
    """What each candidate alone gains for a statement, by the planner."""
    base = problem.prices[query, frozenset()].cost
    alone = {
        next(iter(seen)): found.cost
        for (name, seen), found in problem.prices.items()
        if name == query and len(seen) == 1
    }
    return {one: base - cost for one, cost in alone.items() if base - cost > 0.003 * base}


async def prove(
    clock: Clock,
    queries: Sequence[Query],
    tables: Mapping[str, frozenset[str]],
    estimates: Sequence[Estimate],
    base: Mapping[str, float],
    budget: int,
    until: float,
) -> Proof:
    """Build what is proposed, search by measured times, and measure the choice anew in pairs. tables: of each statement."""
    proof = Proof()
    proposed = proposals(estimates, base, budget)
    for one in proposed:
        if monotonic() > until and proof.sizes:
            proof.is_cut = True
            break
        found = await build(clock.trial, one)
        if found is None:
            proof.struck += (Struck(one, f"Postgres refuses it: {clock.trial.refused[one]}"),)
            continue
        proof.sizes[one], proof.built[one] = found
    texts = {one.name: one.runnable for one in queries}
    watch = Stopwatch(clock, texts, base, until)
    built = frozenset(proof.sizes)
    own = {name: frozenset(one for one in built if one.table in tables[name]) for name in texts}
    problem = Problem(weights(queries, base, base), dict(proof.sizes), budget, own, least=0.001)
    problem.bundles = await _together(clock, queries, own)
    found_set: Choice = await driven(choose(problem, built, starts=[one.choice.chosen for one in estimates]), watch)
    proof.asked, proof.is_cut = watch.asked, proof.is_cut or problem.is_over
    await _confirm(clock, queries, found_set.chosen, proof)
    return proof


async def _together(clock: Clock, queries: Sequence[Query], own: Mapping[str, Set]) -> set[Set]:
    """The sets that the planner takes together when it has all: an OR is served by two indexes or by none."""
    found = set()
    for one in queries:
        _, used, _ = await clock.trial.plan(one.runnable, own[one.name])
        if 1 < len(used) < 6:
            found.add(used)
    return found


async def _confirm(clock: Clock, queries: Sequence[Query], chosen: Set, proof: Proof) -> None:
    """Measure in pairs with other values too; strike what no statement uses or gains by, until all that is left pays."""
    timings: dict[str, tuple[Timing, Set]] = {}
    while True:
        for query in queries:
            if query.name not in timings or not timings[query.name][1] <= chosen:
                timings[query.name] = await _pair(clock, query, chosen)
        used = {
            one: tuple(name for name, (timing, by) in timings.items() if one in by and timing.faster) for one in chosen
        }
        idle = [one for one in sorted(chosen) if not used[one]]
        if not idle:
            break
        for one in idle:
            touched = [timing for timing, by in timings.values() if one in by]
            proof.struck += (Struck(one, _why(touched)),)
        chosen -= set(idle)
    order = {one: place for place, one in enumerate(sorted(chosen), 1)}
    proof.chosen, proof.used = chosen, used
    proof.timings = tuple(
        Timing(timing.query, timing.before, timing.after, tuple(sorted(order[one] for one in by if one in order)), True)
        for timing, by in timings.values()
    )
    proof.outdone = len(set(proof.sizes) - chosen - {one.candidate for one in proof.struck})


def _why(touched: Sequence[Timing]) -> str:
    if not touched:
        return "built, and no statement uses it beside the others"
    told = ", ".join(f"{one.query} {one.before:.1f} -> {one.after:.1f} ms" for one in touched[:3])
    return f"built and used, and nothing is a tenth faster: {told}"


async def _pair(clock: Clock, query: Query, chosen: Set) -> tuple[Timing, Set]:
    """A statement without and with the indexes, in turn; for each of its values the least, of all values the average."""
    texts = (query.runnable, *query.others)
    used: Set = frozenset()
    for text in texts:
        used |= (await clock.trial.plan(text, chosen))[1]
    if not used:
        same = (await clock.run(query.name, query.runnable, frozenset())).milliseconds
        return Timing(query.name, same, same, (), True), used
    pairs = [await _least(clock, text, chosen) for text in texts]
    before, after = (sum(one[side] for one in pairs) / len(pairs) for side in (0, 1))
    return Timing(query.name, before, after, (), True), used


async def _least(clock: Clock, text: str, chosen: Set) -> tuple[float, float]:
    """The least time without and with the indexes; a long statement is run less often."""
    off: list[float] = []
    on: list[float] = []
    for _ in range(PAIRS):
        for shown, times in ((frozenset[Candidate](), off), (chosen, on)):
            await clock.trial.show(shown)
            times.append((await clock.measure(text)).milliseconds)
        if off[-1] + on[-1] > LONG_MS:
            break
    return min(off), min(on)


async def writes(clock: Clock, proof: Proof, foreign: Mapping[str, tuple[str, ...]]) -> None:
    """What the chosen indexes cost whoever writes, by table."""
    await clock.trial.show(frozenset(clock.trial.oids))
    for table in sorted({one.table for one in proof.chosen}):
        found = await write_costs(clock.trial, table, proof.chosen, foreign.get(table, ()))
        if found is not None:
            proof.writes[table] = found


def accepted(proof: Proof) -> tuple[Accepted, ...]:
    """The advised indexes with their figures."""
    return tuple(
        Accepted(
            candidate=one,
            size=proof.sizes[one],
            measured=True,
            build_ms=proof.built[one],
            write_ms=_write(proof, one),
            reason=", ".join(proof.used[one]),
        )
        for one in sorted(proof.chosen)
    )


def _write(proof: Proof, one: Candidate) -> float | None:
    """The table's extra milliseconds, shared among its new indexes."""
    found = proof.writes.get(one.table)
    count = sum(1 for other in proof.chosen if other.table == one.table)
    return max(found[1] - found[0], 0.0) / count if found else None
