"""The proof of an advice: indexes built on a copy with the rows, statements run before and after, what does not pay struck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic

from mcp_server.errors import ArchitectError
from mcp_server.model.candidate import Accepted, Candidate, Struck
from mcp_server.model.workload import Query
from mcp_server.operations.index_confirm import Proof, Stopwatch, confirm
from mcp_server.operations.index_search import EVENNESS_MEASURED, Estimate, driven, weights
from mcp_server.planning.asked_prices import Ask, Problem, Set, most_gained
from mcp_server.planning.search import Choice, choose
from mcp_server.world.measured import Clock, build, write_costs

# How much more than the budget is built to be tried, and how many each costly statement adds to that.
SUPERSET, EACH = 4.0, 5
# The part of the budget that an index may fill which no search picked: of larger ones hardly one has room, and each takes that of several.
LARGE = 0.4
# How many of a statement's best few may begin with the same key: the tenth variant of an index tells nothing new.
MOST_ALIKE = 3
# How often all that is searched with other values too should be run in the time that there is, and what part of it one may take.
OFTEN, MOST_OF_ONE = 40, 1 / 8
# The smallest gain that counts, as a part of the whole: less is noise, and a risk with other values. Of many statements each is a small part.
LEAST, LEAST_OF_ONE = 0.002, 0.06
# The part of the time, beyond it, for putting others in the place of what makes a statement slower.
REPAIR = 0.2
# The part of it for building: what is built and not measured is of no use.
BUILDING = 0.4


async def base_times(
    clock: Clock, queries: Sequence[Query], seconds: float
) -> tuple[dict[str, float], tuple[Query, ...], list[str]]:
    """How long each statement takes as things are, in milliseconds; those that come to an end, with values that do; and why the others do not.

    seconds: for the search that follows.
    """
    base: dict[str, float] = {}
    failed: list[str] = []
    for one in queries:
        try:
            base[one.name] = (await clock.run(one.runnable, frozenset(), doubt_ms=0)).milliseconds
        except ArchitectError as error:
            failed.append(f"{one.name} fails on the copy, so that it was not measured: {error.message.splitlines()[0]}")
    twice = searched_twice(base, seconds)
    kept = [one for one in queries if one.name in base]
    return base, tuple([await _with_values_that_run(clock, one, twice) for one in kept]), failed


async def _with_values_that_run(clock: Clock, query: Query, twice: frozenset[str]) -> Query:
    """The statement without those other values at its front that make it fail: those in front are run while searching."""
    while more := searched_texts(query, twice)[1:]:
        try:
            await clock.run(more[0], frozenset(), doubt_ms=0)
            break
        except ArchitectError:
            query = replace(query, others=query.others[1:])
    return query


def searched_twice(base: Mapping[str, float], seconds: float) -> frozenset[str]:
    """The statements that are searched with other values too: the quick ones, as far as they can be run often enough in that time.

    Of the others the choice is confirmed with other values all the same.
    """
    room = seconds * 1000 / OFTEN
    most = room * MOST_OF_ONE
    found = set()
    for name in sorted(base, key=lambda name: base[name]):
        room -= base[name]
        if room < 0 or base[name] > most:
            break
        found.add(name)
    return frozenset(found)


def searched_texts(query: Query, twice: frozenset[str]) -> tuple[str, ...]:
    """What of a statement is run while searching: with its values, and of those in `twice` with others."""
    return (query.runnable, *query.others[:1]) if query.name in twice else (query.runnable,)


def proposals(
    estimates: Sequence[Estimate], base: Mapping[str, float], budget: int, elsewhere: Mapping[str, Set]
) -> list[Candidate]:
    """What to build: the picks of each search, what each statement takes with other values, then the best few of each; at most SUPERSET budgets.

    Each with its lean twin, where that serves too: the planner's costs tell little of what the wider one is worth beside it.
    """
    found = [one for each in estimates for one in sorted(each.choice.chosen)]
    picked = frozenset(found)
    last = estimates[0]
    total = sum(base.values()) or 1.0
    costly = sorted(base, key=lambda name: -base[name])
    found += [one for name in costly for one in sorted(elsewhere.get(name, frozenset())) if one in last.problem.sizes]
    for name in costly:
        gains = _gains(last.problem, name)
        some = max((EACH if base[name] > 0.01 * total else 2) // 2, 1)
        found += _best_few(gains, last.problem.sizes, some)
    kept: list[Candidate] = []
    size = 0
    sizes = {one: bytes_ for each in estimates for one, bytes_ in each.problem.sizes.items()}
    twins = (each for wide in found for each in (wide, wide.lean))
    for one in dict.fromkeys(each for each in twins if each in sizes):
        most = budget if one in picked else LARGE * budget
        if sizes[one] <= most and size + sizes[one] <= SUPERSET * budget:
            kept.append(one)
            size += sizes[one]
    return kept


def _best_few(gains: Mapping[Candidate, float], sizes: Mapping[Candidate, int], some: int) -> Iterator[Candidate]:
    """So many that gain most, as many that gain most for their bytes, and between; of those that begin alike at most MOST_ALIKE."""
    taken: set[Candidate] = set()
    alike: Counter[tuple[str, str]] = Counter()
    for power in (0.0, 0.5, 1.0):
        left = some
        for one in sorted(gains, key=lambda one: -gains[one] / sizes[one] ** power):
            kind = one.table, one.keys[0]
            if not left or (one not in taken and alike[kind] >= MOST_ALIKE):
                continue
            left -= 1
            if one not in taken:
                taken.add(one)
                alike[kind] += 1
                yield one


def _gains(problem: Problem, query: str) -> dict[Candidate, float]:
    """What each candidate alone gains for a statement, by the planner."""
    learnt = problem.prices[query]
    base = learnt[frozenset()].cost
    alone = {next(iter(seen)): found.cost for seen, found in learnt.items() if len(seen) == 1}
    return {one: base - cost for one, cost in alone.items() if base - cost > 0.003 * base}


async def prove(
    clock: Clock,
    queries: Sequence[Query],
    tables: Mapping[str, frozenset[str]],
    estimates: Sequence[Estimate],
    base: Mapping[str, float],
    budget: int,
    until: float,
    elsewhere: Mapping[str, Set],
) -> Proof:
    """Build what is proposed, search by measured times, and measure the choice anew in pairs.

    tables: of each statement. elsewhere: what it takes with other values.
    """
    proof = Proof()
    proposed = proposals(estimates, base, budget, elsewhere)
    enough = monotonic() + BUILDING * (until - monotonic())
    for one in proposed:
        if monotonic() > enough and proof.sizes:
            proof.is_cut = True
            break
        found = await build(clock.trial, one)
        if found is None:
            proof.struck += (Struck(one, f"Postgres refuses it: {clock.trial.refused[one]}"),)
            continue
        proof.sizes[one], proof.built[one] = found
    twice = searched_twice(base, until - monotonic())
    texts = {one.name: searched_texts(one, twice) for one in queries}
    watch = Stopwatch(clock, texts, until, REPAIR * max(until - monotonic(), 0.0))
    mean = {one.name: (await watch.answer(Ask(one.name, frozenset()))).cost for one in queries}
    built = frozenset(proof.sizes)
    own = {name: frozenset(one for one in built if one.table in tables[name]) for name in texts}
    hoped = estimates[0].problem
    prior = {one: most_gained(hoped, one) for one in built}
    least = min(LEAST, LEAST_OF_ONE / len(queries))
    weighed = weights(queries, mean, mean, EVENNESS_MEASURED)
    problem = Problem(weighed, dict(proof.sizes), budget, own, least=least, prior=prior)
    problem.bundles = await _together(clock, queries, own)
    found_set: Choice = await driven(choose(problem, built, starts=[one.choice.chosen for one in estimates]), watch)
    proof.asked, proof.is_cut = watch.asked, proof.is_cut or problem.is_over
    await confirm(watch, queries, problem, found_set, proof)
    return proof


async def _together(clock: Clock, queries: Sequence[Query], own: Mapping[str, Set]) -> set[Set]:
    """The sets that the planner takes together when it has all: an OR is served by two indexes or by none."""
    found = set()
    for one in queries:
        _, used, _ = await clock.trial.plan(one.runnable, own[one.name])
        if 1 < len(used) < 6:
            found.add(used)
    return found


async def writes(clock: Clock, proof: Proof, foreign: Mapping[str, tuple[str, ...]]) -> None:
    """What the chosen indexes cost whoever writes, by table."""
    await clock.trial.show(frozenset(clock.trial.parts))
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
