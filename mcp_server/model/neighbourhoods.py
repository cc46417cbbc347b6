"""Tables in groups that are read together, by their foreign keys.

Groups grow greedily where that raises the modularity most (Clauset, Newman, Moore 2004, https://arxiv.org/abs/cond-mat/0408187),
up to a size that a diagram bears. A table to which everything leads, such as tenants, holds no group together by that measure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mcp_server.model.documented import Link, Neighbourhood

WHOLE = 16  # tables up to which one diagram shows all
LARGEST = 12
SPARE = 4  # room beyond LARGEST for tables that fit nowhere else

Weights = dict[tuple[str, str], float]


def neighbourhoods(tables: Sequence[str], links: Iterable[Link]) -> tuple[tuple[Neighbourhood, ...], tuple[str, ...]]:
    """The groups, and the tables that no key joins to another. tables: identities; links beyond them do not count."""
    known = frozenset(tables)
    joined = sorted(
        {(one.child, one.parent) for one in links if one.child != one.parent and {one.child, one.parent} <= known}
    )
    alone = tuple(sorted(known.difference(*joined)))
    if len(tables) <= WHOLE:
        whole = (_named(frozenset(tables), joined),) if tables else ()
        return whole, ()
    groups = _attached(_merged(joined), joined)
    named = (_named(group, joined) for group in groups)
    return tuple(sorted(named, key=lambda one: (-len(one.tables), one.centre))), alone


def _merged(joined: Sequence[tuple[str, str]]) -> list[frozenset[str]]:
    groups = {name: frozenset({name}) for pair in joined for name in pair}
    weights: Weights = Counter((min(pair), max(pair)) for pair in joined)  # type: ignore[assignment]
    degrees = Counter(name for pair in weights for name in pair)
    total = max(len(weights), 1)
    while True:
        best = max(
            (
                (weight / total - degrees[one] * degrees[other] / (2 * total * total), one, other)
                for (one, other), weight in weights.items()
                if len(groups[one]) + len(groups[other]) <= LARGEST
            ),
            default=(0.0, "", ""),
            key=lambda found: (round(found[0], 9), found[1], found[2]),
        )
        if best[0] <= 0:
            return list(groups.values())
        _, one, other = best
        groups[one] |= groups.pop(other)
        degrees[one] += degrees.pop(other)
        weights = _renamed(weights, other, one)


def _renamed(weights: Weights, old: str, new: str) -> Weights:
    """The weights between groups after one became part of another."""
    found: Weights = {}
    for pair, weight in weights.items():
        one, other = (new if name == old else name for name in pair)
        if one != other:
            key = (min(one, other), max(one, other))
            found[key] = found.get(key, 0.0) + weight
    return found


def _attached(groups: Sequence[frozenset[str]], joined: Sequence[tuple[str, str]]) -> list[frozenset[str]]:
    """Groups of one or two joined to the neighbour that they lead to most, where it has room."""
    kept = sorted(groups, key=lambda one: (len(one), sorted(one)))
    for small in [one for one in kept if len(one) <= 2]:
        others = [one for one in kept if one is not small and len(one) + len(small) <= LARGEST + SPARE]
        ties = [(sum(bool({*pair} & small and {*pair} & one) for pair in joined), one) for one in others]
        most = max(ties, key=lambda tie: (tie[0], sorted(tie[1])), default=(0, small))
        if most[0]:
            kept = [one for one in kept if one is not small and one is not most[1]] + [small | most[1]]
    return kept


def _named(group: frozenset[str], joined: Sequence[tuple[str, str]]) -> Neighbourhood:
    inside = Counter(parent for child, parent in joined if child in group and parent in group)
    ways = Counter(name for pair in joined if group.issuperset(pair) for name in pair)
    centre = max(sorted(group), key=lambda name: (inside[name], ways[name]))
    beyond = {parent for child, parent in joined if child in group and parent not in group}
    return Neighbourhood(centre, tuple(sorted(group)), tuple(sorted(beyond)))


def around(table: str, links: Iterable[Link], most: int = LARGEST) -> tuple[str, ...]:
    """The tables that a table leads to, and that lead to it; the former first, at most so many."""
    found = list(links)
    parents = sorted({one.parent for one in found if one.child == table})
    children = sorted({one.child for one in found if one.parent == table})
    listed: Mapping[str, None] = dict.fromkeys((*parents, *children))
    return tuple(name for name in listed if name != table)[:most]
