"""Which of many candidates to make: benefit per byte under a budget, one question to the planner at a time.

A search is a generator: it yields an Ask (what would this statement cost with these indexes?) and is sent a Price. So it
knows neither a database nor a clock; whoever drives it may ask the planner, or measure (operations/index_search.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.candidate import Candidate
from mcp_server.planning.asked_prices import (
    LEAST_BYTES,
    NONE,
    SMALLER,
    Asking,
    Problem,
    Set,
    gains_of,
    most_gained,
    price,
    room_left,
    total,
)

Way = Literal["ratio", "root", "plain"]
# How many times what the planner foretells an index may gain in truth: of seven times we know.
OPTIMISM = 10.0
LEAST_HOPE = 1e-30


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of candidates, and the weighed cost of all statements with it."""

    chosen: Set
    cost: float


def choose(
    problem: Problem, pool: Set, ways: tuple[Way, ...] = ("root", "ratio", "plain"), starts: Iterable[Set] = ()
) -> Asking[Choice]:
    """The best set that was found within the budget. starts: sets to begin with, weighed even when time is short.

    What the greedy ways take from nothing is found before any set is refined: on the way every candidate was tried alone,
    so that time that runs out leaves none unknown, and the refining has more to go by.
    """
    problem.base = yield from total(problem, NONE)
    nothing = best = Choice(NONE, problem.base)
    fitting = frozenset(one for one in pool if problem.sizes[one] <= problem.budget)
    for start in starts:
        some = _within(problem, start & fitting)
        best = min(best, Choice(some, (yield from total(problem, some))), key=lambda one: one.cost)
        some -= yield from _harmful(problem, some)
        best = min(best, Choice(some, (yield from total(problem, some))), key=lambda one: one.cost)
    found = [best]
    for way in ways:
        if not problem.is_over:
            found.append((yield from greedy(problem, fitting, way, nothing)))
    best = min(found, key=lambda one: one.cost)
    for one in sorted({one.chosen: one for one in found if one.chosen}.values(), key=lambda one: one.cost):
        if problem.is_over:
            break
        best = min(best, (yield from refined(problem, fitting, one)), key=lambda one: one.cost)
    return best


def _harmful(problem: Problem, chosen: Set) -> Asking[Set]:
    """Those that statements use which are the worse for it, unless others gain more by them."""
    balance: dict[Candidate, float] = {}
    for query, weight in problem.weights.items():
        found = yield from price(problem, query, chosen)
        before = (yield from price(problem, query, NONE)).cost
        for one in found.used:
            balance[one] = balance.get(one, 0.0) + weight * (before - found.cost) / len(found.used)
    return frozenset(one for one, gain in balance.items() if gain < 0)


def _within(problem: Problem, wanted: Set) -> Set:
    """As many of a set as the budget has room for, the smallest first."""
    kept: Set = NONE
    for one in sorted(wanted, key=lambda one: problem.sizes[one]):
        if problem.size(kept) + problem.sizes[one] <= problem.budget:
            kept |= {one}
    return kept


def greedy(problem: Problem, pool: Set, way: Way, start: Choice) -> Asking[Choice]:
    """Take what gains most for its size, until nothing fits or gains.

    Gains shrink as others are taken, so an old figure is an upper bound: whoever has a smaller one need not be asked.
    """
    now = start
    offers = [*(frozenset((one,)) for one in sorted(pool)), *(bundle for bundle in problem.bundles if bundle <= pool)]
    gains = {offer: gains_of(problem, offer) for offer in offers} if problem.is_surveyed else {}
    hopes = {offer: _hope(problem, offer, now.chosen, way) for offer in offers}
    while hopes and not problem.is_over:
        room = yield from room_left(problem, now.chosen)
        for offer in hopes if problem.is_surveyed else ():
            most = sum(min(gain, room[query]) for query, gain in gains[offer].items())
            hopes[offer] = min(hopes[offer], _rate(problem, most, now.chosen, _with(now.chosen, offer), way))
        best: tuple[float, Set, Choice] | None = None
        for offer in sorted(hopes, key=lambda one: -hopes[one]):
            if problem.is_over or (best is not None and hopes[offer] <= best[0]):
                break
            with_it = _with(now.chosen, offer)
            if offer <= now.chosen or problem.size(with_it) > problem.budget:
                hopes[offer] = -1.0
                continue
            cost = yield from total(problem, with_it)
            hopes[offer] = _worth(problem, now, Choice(with_it, cost), way)
            if hopes[offer] > 0 and (best is None or hopes[offer] > best[0]):
                best = hopes[offer], offer, Choice(with_it, cost)
        if best is None:
            break
        now = best[2]
        hopes = {offer: hope for offer, hope in hopes.items() if hope > 0 and offer != best[1]}
    return now


def _hope(problem: Problem, offer: Set, chosen: Set, way: Way) -> float:
    """What an offer may be worth before it was asked about: much more than was foretold of it, and never nothing."""
    if len(offer) > 1 or not problem.prior:
        return float("inf")
    gain = OPTIMISM * sum(problem.prior.get(one, 0.0) for one in offer)
    return max(_rate(problem, gain, chosen, _with(chosen, offer), way), LEAST_HOPE)


def _with(chosen: Set, offer: Set) -> Set:
    """The set with an offer, without what the offer makes superfluous."""
    gone = {old for old in chosen for new in offer if old != new and is_within(old, new)}
    return (chosen | offer) - gone


def is_within(old: Candidate, new: Candidate) -> bool:
    """Whether an index begins as another does and holds no more."""
    same = (old.table, old.where, old.method) == (new.table, new.where, new.method) and old.method == "btree"
    return same and new.keys[: len(old.keys)] == old.keys and old.stored <= new.stored


def _worth(problem: Problem, before: Choice, after: Choice, way: Way) -> float:
    gain = before.cost - after.cost
    return _rate(problem, gain, before.chosen, after.chosen, way)


def _rate(problem: Problem, gain: float, before: Set, after: Set, way: Way) -> float:
    """A gain for the bytes that it takes; -1 for one that does not count."""
    if gain < problem.least * problem.base:
        return -1.0
    more = max(problem.size(after) - problem.size(before), LEAST_BYTES)
    return gain if way == "plain" else float(gain / more if way == "ratio" else gain / more**0.5)


def refined(problem: Problem, pool: Set, found: Choice) -> Asking[Choice]:
    """Drop what no longer pays, swap one for a better one of its table, fill the room; until nothing changes."""
    now = found
    for _ in range(8):
        if problem.is_over:
            break
        before = now
        now = yield from _dropped(problem, now)
        now = yield from _swapped(problem, pool, now)
        now = yield from greedy(problem, pool, "ratio", now)
        if now.chosen == before.chosen:
            break
    return now


def _dropped(problem: Problem, now: Choice) -> Asking[Choice]:
    for one in sorted(now.chosen, key=lambda one: -problem.sizes[one]):
        if problem.is_over:
            break
        without = now.chosen - {one}
        cost = yield from total(problem, without)
        if cost - now.cost < problem.least * problem.base:
            now = Choice(without, cost)
    return now


def _swapped(problem: Problem, pool: Set, now: Choice) -> Asking[Choice]:
    best = now
    for one in sorted(now.chosen):
        lost = (yield from total(problem, now.chosen - {one})) - now.cost
        for other in _rivals(problem, pool, one):
            swapped = (now.chosen - {one}) | {other}
            if other in now.chosen or problem.size(swapped) > problem.budget or problem.is_over:
                continue
            if problem.is_surveyed and most_gained(problem, other) < lost - problem.least * problem.base:
                continue
            cost = yield from total(problem, swapped)
            if _is_better(problem, Choice(swapped, cost), best):
                best = Choice(swapped, cost)
    return best


def _is_better(problem: Problem, one: Choice, other: Choice) -> bool:
    """Cheaper by what counts, or as cheap and much smaller: what is not needed still has to be written."""
    least = problem.least * problem.base
    is_smaller = problem.size(one.chosen) < SMALLER * problem.size(other.chosen)
    return one.cost < other.cost - least or (is_smaller and one.cost < other.cost + least / 4)


def _rivals(problem: Problem, pool: Set, one: Candidate, most: int = 16) -> list[Candidate]:
    """The candidates of the same table that served most when they stood alone, as far as that was asked."""
    gains: dict[Candidate, float] = {}
    for query, weight in problem.weights.items():
        learnt = problem.prices.get(query, {})
        alone = learnt.get(NONE)
        for visible, found in learnt.items():
            if len(visible) == 1 and alone:
                (other,) = visible
                if other.table == one.table and other in pool:
                    gains[other] = gains.get(other, 0.0) + max((alone.cost - found.cost) * weight, 0.0)
    return sorted(gains, key=lambda other: -gains[other])[:most]
