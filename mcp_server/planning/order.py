"""The order of statements: a graph of what has to come before what, and its topological sort.

Edges are firm where Postgres would refuse, and soft where an order is only wished for: a function's body speaks of a
table, an object is used that is being altered in place. Where firm and soft edges make a circle, a soft one gives way.
Among the statements that are free to come next, the one of the lowest phase and name is taken, so that the same change
always gives the same plan.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from mcp_server.model.plan import Step
from mcp_server.planning.units import Key

Claim = tuple[str, str]
FIRM, BODY, ASKED, WISH = 4, 3, 2, 1


@dataclass(eq=False, slots=True)
class Node:
    """A step and what it does to units.

    place: sorts among free nodes. makes, ends: units that exist, or no longer exist, afterwards. firm: they are made
    or dropped here, not altered in place. needs: units that must stand in their new form. frees: units that are no
    longer used in their old form; asks: also where the other is only altered in place. wishes: units that the body of a function speaks of; body: Postgres checks it.
    after: nodes that come before. claims, releases: names taken and given up. unchecked: a circle was cut through the
    body of the function that is made here. unordered: it was cut through what the node cannot do without.
    """

    step: Step
    place: tuple[object, ...]
    makes: frozenset[Key] = frozenset()
    ends: frozenset[Key] = frozenset()
    firm: bool = True
    needs: frozenset[Key] = frozenset()
    frees: frozenset[Key] = frozenset()
    asks: bool = False
    wishes: frozenset[Key] = frozenset()
    body: bool = False
    after: tuple[Node, ...] = ()
    claims: frozenset[Claim] = frozenset()
    releases: frozenset[Claim] = frozenset()
    unchecked: bool = False
    unordered: bool = False


Edges = dict[Node, dict[Node, int]]


def ordered(nodes: Iterable[Node]) -> list[Node]:
    """The nodes in an order that satisfies every firm edge.

    Where firm edges alone make a circle, one of them gives way, and what it served is marked `unordered`.
    """
    everything = list(nodes)
    edges = _edges(everything)
    while True:
        try:
            return _sorted(everything, edges)
        except CycleError as error:
            _cut(error.args[1], edges)


def _edges(nodes: list[Node]) -> Edges:
    """For each node those that come before it, with how firm that is."""
    makers, enders = _index(nodes, "makes"), _index(nodes, "ends")
    releasers = _index(nodes, "releases")
    edges: Edges = {node: {} for node in nodes}
    for node in nodes:
        asked = ASKED if node.asks else WISH
        for other in node.after:
            _add(edges, other, node, FIRM)
        for unit in sorted(node.needs):
            for maker in makers.get(unit, ()):
                _add(edges, maker, node, FIRM if maker.firm else asked)
        for unit in sorted(node.wishes):
            for maker in makers.get(unit, ()):
                _add(edges, maker, node, BODY if node.body else WISH)
        for unit in sorted(node.frees):
            for ender in enders.get(unit, ()):
                _add(edges, node, ender, FIRM if ender.firm else asked)
        for claim in sorted(node.claims):
            for releaser in releasers.get(claim, ()):
                _add(edges, releaser, node, FIRM)
    return edges


def _index(nodes: list[Node], name: str) -> dict[tuple[str, str], list[Node]]:
    found: dict[tuple[str, str], list[Node]] = {}
    for node in nodes:
        for one in getattr(node, name):
            found.setdefault(one, []).append(node)
    return found


def _add(edges: Edges, first: Node, then: Node, strength: int) -> None:
    if first is not then:
        before = edges[then]
        before[first] = max(strength, before.get(first, 0))


def _sorted(nodes: list[Node], edges: Edges) -> list[Node]:
    sorter: TopologicalSorter[Node] = TopologicalSorter(edges)
    sorter.prepare()
    order: list[Node] = []
    free: list[tuple[tuple[object, ...], int, Node]] = []
    number = {node: count for count, node in enumerate(nodes)}
    while sorter.is_active():
        for node in sorter.get_ready():
            heapq.heappush(free, (node.place, number[node], node))
        _, _, node = heapq.heappop(free)
        order.append(node)
        sorter.done(node)
    return order


def _cut(circle: list[Node], edges: Edges) -> None:
    """Remove the softest edge of a circle of nodes, each before the next."""
    pairs = [(edges[then][first], then.place, first, then) for first, then in pairwise(circle)]
    strength, _, first, then = min(pairs, key=lambda pair: pair[:2])
    del edges[then][first]
    then.unchecked = then.unchecked or strength == BODY
    then.unordered = then.unordered or strength == FIRM
