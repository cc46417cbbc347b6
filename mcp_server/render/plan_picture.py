"""A plan as a picture: one box a node, as wide as the time (or cost) of it and all below it, its children beneath it."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_server.model.query import PlanNode, QueryPlan
from mcp_server.render.plan_node import amount, describe, milliseconds, name_of

WIDTH, ROW, LETTER = 1200.0, 22.0, 7.0
# Narrower boxes cannot be seen, but stay in the list of nodes.
NARROWEST = 0.6


@dataclass(frozen=True, slots=True)
class Box:
    """A box of the picture, in its units. heat: 0 to 4, by the node's own part."""

    number: int
    left: float
    top: float
    width: float
    label: str
    title: str
    heat: int


@dataclass(frozen=True, slots=True)
class Line:
    """A node as a line of the list. share, own: parts of the whole, 0 to 100; misjudged: 10 times or more."""

    number: int
    depth: int
    text: str
    own: str
    share: float
    rows: str
    expected: str
    misjudged: bool


def boxes(plan: QueryPlan) -> tuple[Box, ...]:
    """The boxes of a plan. A child never is wider than what holds it; what children leave is the node's own part."""
    found: list[Box] = []
    weights = _weights(plan)
    stack = [(plan.root, 0.0, WIDTH, 0)]
    while stack:
        node, left, width, depth = stack.pop()
        if width < NARROWEST:
            continue
        found.append(_box(plan, node, left, width, depth))
        parts = [weights[child.number] for child in node.children]
        whole = max(sum(parts), weights[node.number]) or 1.0
        for child, part in zip(node.children, parts, strict=True):
            share = width * part / whole
            stack.append((child, left, share, depth + 1))
            left += share
    return tuple(sorted(found, key=lambda box: box.number))


def height(drawn: tuple[Box, ...]) -> float:
    """The height of the picture."""
    return max((box.top for box in drawn), default=0.0) + ROW


def lines(plan: QueryPlan) -> tuple[Line, ...]:
    """Every node, in the printed order."""
    found: list[Line] = []
    stack = [(plan.root, 0)]
    while stack:
        node, depth = stack.pop()
        found.append(_line(plan, node, depth))
        stack.extend((child, depth + 1) for child in reversed(node.children))
    return tuple(found)


def _weights(plan: QueryPlan) -> dict[int, float]:
    """The time, or cost, of each node with all below it: the sum of the own parts, which add up to the whole."""
    found: dict[int, float] = {}
    for node in reversed(tuple(plan.nodes())):  # children stand behind their parents
        own = (node.exclusive_ms or 0.0) if plan.analyzed else node.exclusive_cost
        found[node.number] = own + sum(found[child.number] for child in node.children)
    return found


def _box(plan: QueryPlan, node: PlanNode, left: float, width: float, depth: int) -> Box:
    share = plan.share(node)
    name = f"#{node.number} {name_of(node)}"
    room = int((width - 8) / LETTER)
    label = name if len(name) <= room else f"{name[: room - 1]}…" if room >= 4 else ""
    heat = sum(share >= bound for bound in (0.02, 0.1, 0.3, 0.6))
    title = f"{name}: {_own(plan, node)}, {share:.0%} of the whole"
    return Box(node.number, left, depth * ROW, width, label, title, heat)


def _line(plan: QueryPlan, node: PlanNode, depth: int) -> Line:
    ran = plan.analyzed and node.executed
    return Line(
        number=node.number,
        depth=min(depth, 40),
        text=describe(node),
        own=_own(plan, node),
        share=round(plan.share(node) * 100, 1),
        rows=amount(node.rows) if ran else "-" if plan.analyzed else "",
        expected=amount(node.expected),
        misjudged=node.misestimate >= 10,
    )


def _own(plan: QueryPlan, node: PlanNode) -> str:
    if plan.analyzed:
        return f"{milliseconds(node.exclusive_ms or 0.0)} ms" if node.executed else "never run"
    return f"cost {amount(node.exclusive_cost)}"
