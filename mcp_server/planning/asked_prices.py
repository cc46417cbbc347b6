"""What statements cost with some candidates, asked once and remembered; what follows from what was asked, and which serve at all.

A question is yielded as an Ask and answered by a Price, so that neither a database nor a clock is known here.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from mcp_server.model.candidate import Candidate

Set = frozenset[Candidate]
NONE: Set = frozenset()
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
    or their relatives do alone; then some need not be asked about. prior: the gains that somebody
    else foretold of candidates alone, weighed; where nothing is known of them, those that promise more are asked about first.
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
    prior: Mapping[Candidate, float] = field(default_factory=dict)
    base: float = 0.0

    def size(self, chosen: Iterable[Candidate]) -> int:
        return sum(self.sizes[one] for one in chosen)


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
    Those of all rows are no worse than those of some: they serve other values too.
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
    whole = {one: gain for one, gain in gains.items() if not one.where}
    return frozenset((*pairs, *_undominated(problem, gains)[:most], *_undominated(problem, whole)[:most]))


def _undominated(problem: Problem, gains: Mapping[Candidate, float]) -> list[Candidate]:
    """Those that gain most of what is no larger, the best first; and the second best, for others may want it more."""
    kept: list[Candidate] = []
    least = float("inf")
    for one in sorted(gains, key=lambda one: (-gains[one], problem.sizes[one], one)):
        if len(kept) < 2 or problem.sizes[one] < SMALLER * least:
            kept.append(one)
            least = min(least, problem.sizes[one])
    return kept


def room_left(problem: Problem, chosen: Set) -> Asking[dict[str, float]]:
    """By statement, what more any index could gain, weighed: down to the least cost that was ever learnt."""
    found: dict[str, float] = {}
    for query, weight in problem.weights.items():
        cost = (yield from price(problem, query, chosen)).cost
        found[query] = weight * (cost - min(one.cost for one in problem.prices[query].values()))
    return found


def gains_of(problem: Problem, offer: Set) -> dict[str, float]:
    """By statement, what an offer gains at most, weighed; of a bundle nothing is known but that it is within the room."""
    own = problem.relevant
    if len(offer) > 1:
        return {query: float("inf") for query in problem.weights if offer & own.get(query, NONE)}
    (one,) = offer
    weights = problem.weights.items()
    return {query: weight * _alone(problem, query, one) for query, weight in weights if one in own.get(query, NONE)}


def most_gained(problem: Problem, one: Candidate) -> float:
    """What an index gains at most, weighed: alone as it was learnt, else as the best of those gain that it could stand for."""
    return sum(gains_of(problem, frozenset((one,))).values())


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
