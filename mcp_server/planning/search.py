"""Which of many candidates to make: benefit per byte under a budget, one question to the planner at a time.

A search is a generator: it yields an Ask (what would this statement cost with these indexes?) and is sent a Price. So it
knows neither a database nor a clock; whoever drives it may ask the planner, or measure (operations/indexes.py).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from mcp_server.model.candidate import Candidate

Set = frozenset[Candidate]
NONE: Set = frozenset()
Way = Literal["ratio", "root", "plain"]
LEAST_GAIN = 0.002
# An index of one page is not worth infinitely more than one of ten.
LEAST_BYTES = 65536
SMALLER = 0.97
# How often what the planner took is hidden, to see what it takes then.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: what does a statement cost when these candidates are there, besides what is there already?"""

    query: str
    visible: Set


@dataclass(frozen=True, slots=True)
class Price:
    """The answer. used: those that its plan uses. is_last: time is up, and no more should be asked."""

    cost: float
    used: Set
    is_last: bool = False


T = TypeVar("T")
Asking = Generator[Ask, Price, T]


@dataclass(slots=True)
class Problem:
    """What is searched. weights: of each statement's cost. sizes: bytes. relevant: the candidates that matter to a statement.

    least: the smallest gain that counts, as a part of the whole cost at the start. prices: what was learnt, by
    statement and by what was visible. is_surveyed: whether that tells each statement's least cost, and of candidates what they
    or their relatives do alone; then some need not be asked about.
    """

    weights: Mapping[str, float]
    sizes: dict[Candidate, int]
    budget: int
    relevant: dict[str, Set] = field(default_factory=dict)
    bundles: set[Set] = field(default_factory=set)
    least: float = LEAST_GAIN
    prices: dict[str, dict[Set, Price]] = field(default_factory=dict)
    is_over: bool = False
    is_surveyed: bool = False
    base: float = 0.0

    def size(self, chosen: Iterable[Candidate]) -> int:
        return sum(self.sizes[one] for one in chosen)


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of candidates, and the weighed cost of all statements with it."""

    chosen: Set
    cost: float


def price(problem: Problem, query: str, visible: Set) -> Asking[Price]:
    """What a statement costs; asked once for each set that differs in what the statement could use."""
    seen = visible & problem.relevant.get(query, NONE)
    learnt = problem.prices.setdefault(query, {})
    known = learnt.get(seen)
    if known is None:
        known = _implied(learnt, seen) or (yield Ask(query, seen))
        learnt[seen] = known
        # What a plan does not use does not matter to it.
        learnt.setdefault(known.used, known)
        problem.is_over = problem.is_over or known.is_last
    return known


def _implied(learnt: Mapping[Set, Price], visible: Set) -> Price | None:
    """The answer that follows from another: what was best among more, and uses none but these, is best among these."""
    return next((one for seen, one in learnt.items() if one.used <= visible and visible <= seen), None)


def total(problem: Problem, visible: Set) -> Asking[float]:
    """The weighed cost of all statements."""
    whole = 0.0
    for query, weight in problem.weights.items():
        whole += weight * (yield from price(problem, query, visible)).cost
    return whole


def useful(problem: Problem, query: str, offered: Set, most: int) -> Asking[Set]:
    """Those that serve a statement: what the planner takes when it has all, then without those again; and these alone.

    The lean ones, which hold nothing but their keys, are asked about apart, for beside wide ones none would be taken.
    What is taken together is kept as a bundle: two indexes for an OR help only both at once.
    """
    problem.relevant[query] = offered
    base = (yield from price(problem, query, NONE)).cost
    taken: set[Candidate] = set()
    lean = frozenset(one for one in offered if not one.include and not one.where)
    for some in (offered, lean):
        left = some
        for _ in range(ROUNDS):
            found = yield from price(problem, query, left)
            if not found.used or found.cost > base * 0.999:
                break
            if 1 < len(found.used) < 6:
                problem.bundles.add(found.used)
            taken |= found.used
            left -= found.used
    gains: dict[Candidate, float] = {}
    for one in sorted(taken):
        if problem.is_over:
            break
        gain = base - (yield from price(problem, query, frozenset((one,)))).cost
        if gain > base * 0.005:
            gains[one] = gain
    pairs = (one for bundle in problem.bundles if bundle <= taken for one in bundle)
    return frozenset((*pairs, *_undominated(problem, gains)[:most]))


def _undominated(problem: Problem, gains: Mapping[Candidate, float]) -> list[Candidate]:
    """Those that gain most of what is no larger, the best first; and the second best, for others may want it more."""
    kept: list[Candidate] = []
    least = float("inf")
    for one in sorted(gains, key=lambda one: (-gains[one], problem.sizes[one], one)):
        if len(kept) < 2 or problem.sizes[one] < SMALLER * least:
            kept.append(one)
            least = min(least, problem.sizes[one])
    return kept


def choose(
    problem: Problem, pool: Set, ways: tuple[Way, ...] = ("ratio", "root", "plain"), starts: Iterable[Set] = ()
) -> Asking[Choice]:
    """The best set that was found within the budget. starts: sets to begin with, weighed even when time is short."""
    problem.base = yield from total(problem, NONE)
    best = Choice(NONE, problem.base)
    fitting = frozenset(one for one in pool if problem.sizes[one] <= problem.budget)
    for start in starts:
        some = _within(problem, start & fitting)
        best = min(best, Choice(some, (yield from total(problem, some))), key=lambda one: one.cost)
        some -= yield from _harmful(problem, some)
        best = min(best, Choice(some, (yield from total(problem, some))), key=lambda one: one.cost)
    best = yield from refined(problem, fitting, best)
    for way in ways:
        if problem.is_over:
            break
        found = yield from greedy(problem, fitting, way, Choice(NONE, problem.base))
        found = yield from refined(problem, fitting, found)
        best = min(best, found, key=lambda one: one.cost)
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
    gains = {offer: _gains(problem, offer) for offer in offers} if problem.is_surveyed else {}
    hopes = dict.fromkeys(offers, float("inf"))
    while hopes and not problem.is_over:
        room = yield from _room(problem, now.chosen)
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


def _room(problem: Problem, chosen: Set) -> Asking[dict[str, float]]:
    """By statement, what more any index could gain, weighed: down to the least cost that was ever learnt."""
    found: dict[str, float] = {}
    for query, weight in problem.weights.items():
        cost = (yield from price(problem, query, chosen)).cost
        found[query] = weight * (cost - min(one.cost for one in problem.prices[query].values()))
    return found


def _gains(problem: Problem, offer: Set) -> dict[str, float]:
    """By statement, what an offer gains at most, weighed; of a bundle nothing is known but that it is within the room."""
    own = problem.relevant
    if len(offer) > 1:
        return {query: float("inf") for query in problem.weights if offer & own.get(query, NONE)}
    (one,) = offer
    weights = problem.weights.items()
    return {query: weight * _alone(problem, query, one) for query, weight in weights if one in own.get(query, NONE)}


def most_gained(problem: Problem, one: Candidate) -> float:
    """What an index gains at most, weighed: alone as it was learnt, else as the best of those gain that it could stand for."""
    return sum(_gains(problem, frozenset((one,))).values())


def _alone(problem: Problem, query: str, one: Candidate) -> float:
    learnt = problem.prices.get(query, {})
    base = learnt[NONE].cost if NONE in learnt else 0.0
    known = learnt.get(frozenset((one,)))
    if known is not None:
        return base - known.cost
    kin = [
        (other.stored <= one.stored, base - price.cost)
        for seen, price in learnt.items()
        if len(seen) == 1
        for other in seen
        if (other.table, other.keys[0]) == (one.table, one.keys[0])
    ]
    # One that holds all that another does can stand for it; one that only begins alike gains as the least of these.
    held = [gain for is_held, gain in kin if is_held]
    return max(held) if held else min((gain for _, gain in kin), default=base)


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
