"""Who pays: the own part of each plan node, so that all parts add up to the whole.

EXPLAIN's figures include what runs below. A child is subtracted from its parent; an InitPlan or a CTE runs once, when
the first node that needs it asks, so its figure is inside that node's and is subtracted there and not at the node
under which it is printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from mcp_server.model.query import PlanNode

_RETURNS = re.compile(r"returns (\$\d+(?:\s*,\s*\$\d+)*)")


def own_parts(root: PlanNode, inclusive: Callable[[PlanNode], float]) -> dict[int, float]:
    """Each node's own part of an additive figure, by node number. inclusive: the figure with all below, over all loops."""
    own = {node.number: inclusive(node) for node in root.walk()}
    waiting: list[tuple[PlanNode, PlanNode]] = []
    for node in root.walk():
        for child in node.children:
            if child.parent == "InitPlan":
                waiting.append((node, child))
            else:
                own[node.number] -= inclusive(child)
    for parent, plan in waiting:
        left = inclusive(plan)
        for holder in sorted(_holders(parent, plan), key=lambda node: -own[node.number]):
            part = min(left, max(own[holder.number], 0.0))
            own[holder.number] -= part
            left -= part
        own[parent.number] -= min(left, max(own[parent.number], 0.0))
    return {number: max(part, 0.0) for number, part in own.items()}


def own_costs(root: PlanNode) -> dict[int, float]:
    """Each node's own part of the plan's total cost, by node number.

    Costs are per loop and a Limit pays only for a part of what is below it, so the total is handed down from the
    root: a node keeps what its children, over the loops they are expected to make, do not take.
    """
    own: dict[int, float] = {}
    stack = [(root, root.total_cost)]
    while stack:
        node, budget = stack.pop()
        wanted = [child.total_cost * _expected_loops(node, child) for child in node.children]
        taken = sum(wanted)
        scale = min(1.0, node.total_cost / taken) if taken else 0.0
        share = budget / node.total_cost if node.total_cost else 0.0
        own[node.number] = max(budget - taken * scale * share, 0.0)
        stack.extend((child, cost * scale * share) for child, cost in zip(node.children, wanted, strict=True))
    return own


def _expected_loops(node: PlanNode, child: PlanNode) -> float:
    """How often the planner expects a node to run a child of its own, per loop of its own."""
    if child.parent == "Inner" and node.type == "Nested Loop":
        return max(next((other.expected_rows for other in node.children if other.parent == "Outer"), 1.0), 1.0)
    if child.parent == "SubPlan" and child.total_cost > 0 and not _is_hashed(node, child):
        # Once per row that the node looks at, which EXPLAIN does not say: as often as the node's cost allows.
        others = sum(other.total_cost for other in node.children if other.parent != "SubPlan")
        return max((node.total_cost - others) // child.total_cost, 1.0)
    return 1.0


def _is_hashed(node: PlanNode, child: PlanNode) -> bool:
    return any(f"hashed {child.subplan}" in text for text in _texts(node))


def _holders(parent: PlanNode, plan: PlanNode) -> Iterator[PlanNode]:
    """The executed nodes, at or below `parent`, that ask for the InitPlan or CTE `plan`."""
    inside = {node.number for node in plan.walk()}
    candidates = [node for node in parent.walk() if node.executed and node.number not in inside]
    if plan.subplan.startswith("CTE "):
        name = plan.subplan.removeprefix("CTE ")
        return (node for node in candidates if node.type == "CTE Scan" and node.cte == name)
    asked = _parameters(plan.subplan)
    return (node for node in candidates if any(asked.search(text) for text in _texts(node)))


def _parameters(subplan: str) -> re.Pattern[str]:
    """How other nodes name the result of an InitPlan: `$0` to PostgreSQL 16, `(InitPlan 1).col1` from 17."""
    names = [re.escape(name.strip()) + r"\b" for found in _RETURNS.findall(subplan) for name in found.split(",")]
    plain = re.escape(subplan.partition(" (")[0])
    return re.compile("|".join((*names, rf"\(?\b{plain}\b")))


def _texts(node: PlanNode) -> Iterator[str]:
    yield from (condition.text for condition in node.conditions)
    yield from node.outputs
