"""A QueryPlan as data for programs: the verdict's figures, and the nodes as a flat list, bounded."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.model.query import PlanNode, QueryPlan
from mcp_server.render.plan_text import LIMIT, observations, shown_nodes, verdict
from mcp_server.render.words import one_line

TEXT = 400


def plan_data(plan: QueryPlan, notes: Sequence[str] = (), limit: int = LIMIT) -> dict[str, object]:
    """JSON-able. nodes: at most `limit`, those that cost most; `parent` is the number of the node above, 0 for none."""
    numbers = shown_nodes(plan, limit)
    parents = {child.number: node.number for node in plan.nodes() for child in node.children}
    worst = plan.worst_misestimate
    return {
        "verdict": " ".join(verdict(plan)),
        "analyzed": plan.analyzed,
        "generic": plan.generic,
        "planning_ms": plan.planning_ms,
        "execution_ms": plan.execution_ms,
        "total_cost": plan.root.total_cost,
        "rows": plan.root.rows if plan.analyzed else plan.root.expected_rows,
        "rows_read": plan.rows_read if plan.analyzed else None,
        "costliest": plan.costliest.number,
        "worst_misestimate": worst.number if worst else None,
        "notes": [one_line(note, TEXT) for note in (*notes, *observations(plan))],
        "nodes": [_node(plan, node, parents.get(node.number, 0)) for node in plan.nodes() if node.number in numbers],
        "nodes_total": sum(1 for _ in plan.nodes()),
    }


def _node(plan: QueryPlan, node: PlanNode, parent: int) -> dict[str, object]:
    """One node; what is empty is left out."""
    facts: dict[str, object] = {
        "number": node.number,
        "parent": parent,
        "type": node.type,
        "join": node.join,
        "operation": node.operation,
        "subplan": node.subplan,
        "schema": node.schema,
        "relation": node.relation,
        "alias": node.alias,
        "index": node.index,
        "share": round(plan.share(node), 4),
        "exclusive_ms": round(node.exclusive_ms, 3) if node.exclusive_ms is not None else None,
        "exclusive_cost": round(node.exclusive_cost, 2),
        "rows": node.rows if node.actual else None,
        "expected_rows": node.expected,
        "loops": node.actual.loops if node.actual else None,
        "misestimate": round(node.misestimate, 1) if node.executed else None,
        "conditions": {condition.kind: one_line(condition.text, TEXT) for condition in node.conditions},
        "removed": {kind: rows * (node.actual.loops if node.actual else 0) for kind, rows in node.removed},
        "spilled_kb": node.spilled_kb,
        "blocks_hit": node.own_hit,
        "blocks_read": node.own_read,
        "workers_planned": node.workers_planned,
        "workers_launched": node.workers_launched,
    }
    needed = ("number", "parent", "share", "exclusive_ms", "exclusive_cost", "rows", "expected_rows", "loops")
    return {key: value for key, value in facts.items() if value or (key in needed and value is not None)}
