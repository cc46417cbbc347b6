"""The last word on a choice of indexes: every statement in pairs, with other values too; what does not pay, or makes one slower, is struck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from mcp_server.errors import ArchitectError
from mcp_server.model.candidate import Candidate, Struck, Timing
from mcp_server.model.workload import Query
from mcp_server.operations.index_search import driven
from mcp_server.planning.asked_prices import Ask, Price, Problem, Set
from mcp_server.planning.search import Choice, refined
from mcp_server.world.measured import LONG_MS, Clock, Run

PAIRS = 3
# What a slower statement counts besides, while searching: advice should not make anything worse. Not so much that an index is passed over
# before the others are there by which it harms nothing; what harms in the end is struck.
REGRET = 1.0
# Where a search stops to watch a plan: so many times what the statement took before, and so many milliseconds; and what is then taken
# for its time, in times of that.
WATCHED, WATCHED_MS, HOPELESS = 3.0, 2_000.0, 3.0
# From here on a time is taken for slower: less is noise as often as not.
SLOWER = 1.1
# With one set of values a statement may be a little slower, if it is not so on the whole: an index that saves seconds is not struck for that.
MUCH = 1.25
NONE: Set = frozenset()


@dataclass(slots=True)
class Stopwatch:
    """Answers a search by measured times. texts: each statement with one or more sets of values; the average counts.

    repair: seconds beyond `until` for finding what may stand in the place of an index that made a statement slower.
    """

    clock: Clock
    texts: dict[str, tuple[str, ...]]
    until: float
    repair: float = 0.0
    asked: int = 0
    bases: dict[str, Run] = field(default_factory=dict)

    async def answer(self, ask: Ask) -> Price:
        self.asked += 1
        texts = self.texts[ask.query]
        costs, used = 0.0, NONE
        for text in texts:
            base = await self._base(text)
            most = WATCHED * base.milliseconds + WATCHED_MS
            run = await self.clock.run(text, ask.visible, most, SLOWER * base.milliseconds)
            was_ended = run.is_cut and not base.is_cut
            took = max(run.milliseconds, HOPELESS * base.milliseconds) if was_ended else run.milliseconds
            costs += _regretted(took, base.milliseconds)
            used |= run.used
        return Price(costs / len(texts), used, monotonic() > self.until)

    async def _base(self, text: str) -> Run:
        if text not in self.bases:
            self.bases[text] = await self.clock.run(text, NONE)
        return self.bases[text]


def _regretted(milliseconds: float, base: float) -> float:
    """A time, and more where it is beyond what would be struck in the end."""
    return milliseconds + REGRET * max(milliseconds - max(SLOWER * base, base + 1.0), 0.0)


@dataclass(slots=True)
class Proof:
    """What was measured. sizes, built: bytes and milliseconds of each index that was built. outdone: how many of them others did better than.
    tolerated: what is a little slower with some values, a sentence each.
    is_cut: whether time was up before the search ended."""

    chosen: Set = NONE
    timings: tuple[Timing, ...] = ()
    struck: tuple[Struck, ...] = ()
    sizes: dict[Candidate, int] = field(default_factory=dict)
    built: dict[Candidate, float] = field(default_factory=dict)
    used: dict[Candidate, tuple[str, ...]] = field(default_factory=dict)
    writes: dict[str, tuple[float, float]] = field(default_factory=dict)
    outdone: int = 0
    tolerated: tuple[str, ...] = ()
    is_cut: bool = False
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """One text without and with the indexes, in milliseconds. used: those that its plan uses."""

    text: str
    before: float
    after: float
    used: Set = NONE

    @property
    def slower(self) -> bool:
        return Timing("", self.before, self.after).slower

    @property
    def much_slower(self) -> bool:
        return self.slower and self.after >= MUCH * self.before


async def confirm(watch: Stopwatch, queries: Sequence[Query], problem: Problem, choice: Choice, proof: Proof) -> None:
    """Measure in pairs with other values too, until all that is left pays and makes nothing slower on the whole, nor much slower with any of the values."""
    pairs: dict[str, tuple[Pair, ...]] = {}
    chosen = choice.chosen
    while True:
        for query in queries:
            pairs[query.name] = await _pairs(watch.clock, query, chosen, pairs.get(query.name, ()))
        worse = next(_worse(pairs), None)
        if worse is not None:
            name, pair = worse
            culprit = await _culprit(watch, problem, chosen, pair)
            told = f"built and used, and with one set of values it makes {name} slower: {pair.before:.1f} -> {pair.after:.1f} ms"
            proof.struck += (Struck(culprit, told),)
            chosen = await _without(watch, problem, chosen - {culprit}, proof, (name, pair.text))
            continue
        idle = _idle(chosen, pairs)
        if not idle:
            break
        proof.struck += tuple(Struck(one, _why(one, pairs)) for one in idle)
        chosen -= set(idle)
    _tell(proof, chosen, pairs)


def _worse(pairs: Mapping[str, Sequence[Pair]]) -> Iterator[tuple[str, Pair]]:
    """The statements that are slower, each with the values that make it the most so."""
    for name, some in pairs.items():
        if _timing(name, some).slower or any(one.much_slower for one in some):
            yield name, max(some, key=lambda one: one.after / max(one.before, 1e-9))


async def _pairs(clock: Clock, query: Query, chosen: Set, known: Sequence[Pair]) -> tuple[Pair, ...]:
    """A statement with each of its values, without and with the indexes in turn. known: what was measured before."""
    found = []
    for text in (query.runnable, *query.others):
        try:
            found.append(await _pair(clock, text, chosen, known))
        except ArchitectError:  # with values that were drawn it may divide by zero; its own came to an end before
            if text == query.runnable:
                raise
    return tuple(found)


async def _pair(clock: Clock, text: str, chosen: Set, known: Sequence[Pair]) -> Pair:
    used = (await clock.trial.plan(text, chosen))[1]
    if not used:
        same = (await clock.run(text, NONE)).raw
        return Pair(text, same, same)
    again = next((one for one in known if one.text == text and one.used == used), None)
    if again is not None:
        return again
    before, after = await _least(clock, text, chosen)
    if Timing("", before, after).slower:  # a busy machine may have done that
        more = await _least(clock, text, chosen)
        before, after = min(before, more[0]), min(after, more[1])
    return Pair(text, before, after, used)


async def _least(clock: Clock, text: str, chosen: Set) -> tuple[float, float]:
    """The least time without and with the indexes; a long statement is run less often, once where that is plain enough."""
    off: list[float] = []
    on: list[float] = []
    for _ in range(PAIRS):
        for shown, times in ((NONE, off), (chosen, on)):
            await clock.trial.show(shown)
            times.append((await clock.measure(text)).raw)
        is_plain = not off[-1] / MUCH < on[-1] < off[-1] * MUCH
        if off[-1] + on[-1] > LONG_MS and (is_plain or len(off) == PAIRS - 1):
            break
    return min(off), min(on)


async def _culprit(watch: Stopwatch, problem: Problem, chosen: Set, pair: Pair) -> Candidate:
    """Of the indexes that a slower statement uses, the one without which it is no longer slower and the whole the least so."""
    ranked: list[tuple[bool, float, Candidate]] = []
    for one in sorted(pair.used):
        left = chosen - {one}
        run = await watch.clock.run(pair.text, left)
        whole = [weight * (await watch.answer(Ask(name, left))).cost for name, weight in problem.weights.items()]
        ranked.append((Timing("", pair.before, run.milliseconds).slower, sum(whole), one))
    return min(ranked)[2]


async def _without(watch: Stopwatch, problem: Problem, left: Set, proof: Proof, slow: tuple[str, str]) -> Set:
    """What is left, improved by what else was built while there is time. slow: a statement and the text that was slower, which counts from now on."""
    watch.until = max(watch.until, monotonic() + watch.repair)
    watch.repair = 0.0
    if monotonic() > watch.until:
        return left
    problem.is_over = False
    name, text = slow
    watch.texts[name] = tuple(dict.fromkeys((*watch.texts[name], text)))
    problem.prices.pop(name, None)
    pool = frozenset(proof.sizes) - {one.candidate for one in proof.struck}
    cost = sum([weight * (await watch.answer(Ask(key, left))).cost for key, weight in problem.weights.items()])
    return (await driven(refined(problem, pool, Choice(left, cost)), watch)).chosen


def _idle(chosen: Set, pairs: Mapping[str, Sequence[Pair]]) -> list[Candidate]:
    """Those that no statement is faster by."""
    helped = {one for name, some in pairs.items() if _timing(name, some).faster for one in _used(some)}
    return [one for one in sorted(chosen) if one not in helped]


def _used(pairs: Sequence[Pair]) -> Set:
    return frozenset(one for pair in pairs for one in pair.used)


def _timing(name: str, pairs: Sequence[Pair], order: Mapping[Candidate, int] | None = None) -> Timing:
    before, after = (sum(getattr(one, side) for one in pairs) / len(pairs) for side in ("before", "after"))
    places = tuple(sorted(order[one] for one in _used(pairs) if one in order)) if order else ()
    return Timing(name, before, after, places, True, len(pairs))


def _why(one: Candidate, pairs: Mapping[str, Sequence[Pair]]) -> str:
    touched = [_timing(name, some) for name, some in pairs.items() if one in _used(some)]
    if not touched:
        return "built, and no statement uses it beside the others"
    told = ", ".join(f"{one.query} {one.before:.1f} -> {one.after:.1f} ms" for one in touched[:3])
    return f"built and used, and nothing is a tenth faster: {told}"


def _tell(proof: Proof, chosen: Set, pairs: Mapping[str, Sequence[Pair]]) -> None:
    order = {one: place for place, one in enumerate(sorted(chosen), 1)}
    proof.chosen = chosen
    proof.timings = tuple(_timing(name, some, order) for name, some in pairs.items())
    proof.tolerated = tuple(
        f"{name} is slower with one of its sets of values: {one.before:,.0f} -> {one.after:,.0f} ms."
        for name, some in pairs.items()
        for one in some
        if one.slower
    )
    faster = {one.query for one in proof.timings if one.faster}
    proof.used = {
        one: tuple(name for name, some in pairs.items() if name in faster and one in _used(some)) for one in chosen
    }
    proof.outdone = len(set(proof.sizes) - chosen - {one.candidate for one in proof.struck})
