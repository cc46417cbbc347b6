"""A plan becomes phases: revisions none of which holds a strong lock while it reads a table.

The way from one Schema to the other leads over Schemas in between (stages.py says which part of a change belongs to
which hop). Each hop is planned like any other difference, forth and back; what is done to tables in use outside of a
transaction is then put into its safe form (safe/).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mcp_server.model.change import Renamed, diff
from mcp_server.model.phase import Phase, PhaseName, Sizes
from mcp_server.model.plan import Plan, Step
from mcp_server.model.schema import Schema
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.deployment import deployment
from mcp_server.planning.followers import Followers, find_followers
from mcp_server.planning.neighbourhood import around
from mcp_server.planning.parts import ONLINE, Part
from mcp_server.planning.planner import applied, refuse_fixed, reverse, steps
from mcp_server.planning.safe import online
from mcp_server.planning.safe.cost import cost
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.safe.values import Filling, fillings
from mcp_server.planning.stages import advanced, staged
from mcp_server.planning.units import key

_RENAMES = 5
_ONLINE = frozenset(ONLINE)
_NAMES: dict[int, PhaseName] = {5: "expand", 20: "expand", 30: "backfill", **dict.fromkeys(_ONLINE, "online")}
_BACKFILL = 30
NO_DOWNGRADE = "the values that were written stay: they hurt nobody, and the downgrade before drops what holds them"


@dataclass(slots=True)
class Hop:
    """One revision in the making. number: its stage, in tens. asks: what has to be deployed before it."""

    number: int
    upgrade: list[Step] = field(default_factory=list)
    downgrade: list[Step] = field(default_factory=list)
    downtime: list[str] = field(default_factory=list)
    downtime_back: list[str] = field(default_factory=list)
    parts: tuple[Part, ...] = ()
    asks: list[str] = field(default_factory=list)


def phases(plan: Plan, before: Schema, after: Schema, sizes: Sizes | None = None) -> tuple[Phase, ...]:
    """The revisions that carry out a plan, in order.

    before: what the plan's changes were found in, after its renames. sizes: rows by table; one that is not named counts
    as large. A plan that is safe as it is stays one phase.
    """
    possible, _ = refuse_fixed(diff(before, after))
    target = applied(before, possible, after.server_version)
    ground = Ground(*around(before, target, possible), sizes or {})
    followers = find_followers(Dependencies(ground.before), Dependencies(ground.after))
    hops = [*_renames(plan), *_hops(staged(possible, ground, followers), ground, followers)]
    merged = _merged([hop for hop in hops if hop.upgrade or hop.downgrade])
    return tuple(_phase(hop, merged[count + 1 :], ground) for count, hop in enumerate(merged))


def _renames(plan: Plan) -> list[Hop]:
    there = [step for step in plan.upgrade if isinstance(step.change, Renamed)]
    back = [step for step in plan.downgrade if isinstance(step.change, Renamed)]
    return [Hop(_RENAMES, there, back)] if there else []


def _hops(parts: tuple[Part, ...], ground: Ground, followers: Followers) -> list[Hop]:
    filled = fillings(parts, ground)
    numbers = {part.stage // 10 * 10 for part in parts}.union(*(one.numbers for one in filled))
    found: list[Hop] = []
    current = ground.before
    for number in sorted(numbers):
        own = tuple(one for one in parts if one.stage // 10 * 10 == number)
        hop, current = _hop(number, own, current, ground, followers)
        _fill(hop, filled)
        found += _apart(hop)
    return found


def _hop(
    number: int, parts: tuple[Part, ...], current: Schema, ground: Ground, followers: Followers
) -> tuple[Hop, Schema]:
    hop = Hop(number, parts=parts)
    by_hand = {key(part.change.item) for part in parts if part.by_hand}
    for stage in sorted({part.stage for part in parts}):
        own = tuple(one for one in parts if one.stage == stage)
        reached = followers.follow(advanced(current, own, ground.after.server_version))
        changes = tuple(one for one in diff(current, reached) if key(one.item) not in by_hand)
        there, _ = steps(current, reached, changes)
        back, _ = steps(reached, current, tuple(reverse(one) for one in changes))
        onward, homeward = ground.hop(current, reached), ground.hop(reached, current)
        if number in _ONLINE:
            there, back = tuple(online(there, onward)), tuple(online(back, homeward))
        else:
            hop.downtime += [text for step in there if (text := cost(step, onward))]
            hop.downtime_back += [text for step in back if (text := cost(step, homeward))]
        hop.upgrade += there
        hop.downgrade = [*back, *hop.downgrade]
        current = reached
    return hop, current


def _fill(hop: Hop, filled: Iterable[Filling]) -> None:
    """What keeps values coming into a new column, and what writes them into the rows that were there."""
    for one in filled:
        one.join(hop.number, hop.upgrade, hop.downgrade)
        hop.asks += [one.asks[hop.number]] if hop.number in one.asks else []


def _apart(hop: Hop) -> list[Hop]:
    """A transaction in whose middle something has to be committed is taken apart; the downgrade goes with the last."""
    if hop.number in (*_ONLINE, _BACKFILL):
        return [hop]
    found: list[Hop] = []
    for step in hop.upgrade:
        outside = not step.transactional
        if not found or (found[-1].number in _ONLINE) != outside:
            found.append(Hop(10 if outside else hop.number))
        found[-1].upgrade.append(_repeatable(step) if outside else step)
    found = found or [Hop(hop.number)]
    found[-1].downgrade, found[-1].parts, found[-1].asks = hop.downgrade, hop.parts, hop.asks
    found[-1].downtime, found[-1].downtime_back = hop.downtime, hop.downtime_back
    return found


def _repeatable(step: Step) -> Step:
    """ALTER TYPE ADD VALUE may be run again."""
    head, word, value = step.sql.partition(" ADD VALUE ")
    return replace(step, sql=f"{head}{word}IF NOT EXISTS {value}") if word and "IF NOT EXISTS" not in value else step


def _merged(hops: list[Hop]) -> list[Hop]:
    """Neighbours of one manner become one revision; a backfill stays alone."""
    found: list[Hop] = []
    for hop in hops:
        last = found[-1] if found else None
        if last is None or not _fit(last.number, hop.number):
            found.append(hop)
            continue
        last.upgrade += hop.upgrade
        last.downgrade = [*hop.downgrade, *last.downgrade]
        last.parts, last.number = (*last.parts, *hop.parts), hop.number
        last.downtime_back += hop.downtime_back
        last.downtime, last.asks = [*last.downtime, *hop.downtime], [*last.asks, *hop.asks]
    return found


def _fit(first: int, then: int) -> bool:
    return (first in _ONLINE and then in _ONLINE) or (first == _RENAMES and then == 20)


def _phase(hop: Hop, following: list[Hop], ground: Ground) -> Phase:
    there, back = (tuple(listed) for listed in (hop.upgrade, hop.downgrade))
    first = following[0] if following else None
    asked = "; ".join(first.asks) if first else ""
    later = tuple(part for one in following for part in one.parts)
    return Phase(
        name=_NAMES.get(hop.number, "contract"),
        upgrade=there,
        downgrade=back,
        deploy="; ".join(text for text in (deployment(hop.parts, first.parts if first else (), later), asked) if text),
        downtime=tuple(dict.fromkeys(hop.downtime)),
        downtime_back=tuple(dict.fromkeys(hop.downtime_back)),
        again=NO_DOWNGRADE if hop.number == _BACKFILL and not back else "",
    )
