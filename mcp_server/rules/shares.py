"""How much of a plan's time a part of it takes, and settings that would change that."""

from __future__ import annotations

from mcp_server.model.examined import Examined
from mcp_server.model.query import PlanNode, QueryPlan


def with_all_below(plan: QueryPlan, node: PlanNode) -> float:
    """The part of the time (of the cost, when not run) of a node and all below it, 0 to 1."""
    if plan.analyzed:
        return min(node.inclusive_ms / plan.total_ms, 1.0) if plan.total_ms else 0.0
    return min(node.total_cost / plan.root.total_cost, 1.0) if plan.root.total_cost else 0.0


def rows_of(plan: QueryPlan, node: PlanNode) -> float:
    """Rows that a node returned, or is expected to."""
    return node.rows if plan.analyzed else node.expected_rows


def number(node: PlanNode, name: str) -> float:
    """A figure that Postgres gives under a name, 0 when it gives none."""
    value = node.detail(name)
    return float(value) if isinstance(value, int | float) else 0.0


def more_memory(kilobytes: float) -> str:
    """SET work_mem so that it holds what took so much on disk, where rows lie closer than in memory."""
    return f"set work_mem = '{max(8, round(kilobytes * 3 / 1024) + 1)}MB';"


def spills(examined: Examined, node: PlanNode) -> float:
    """kB that a node itself wrote to temporary files."""
    own = node.buffers.temp_written if node.buffers else 0
    own -= sum(child.buffers.temp_written for child in node.children if child.buffers)
    return max(own, 0) * 8.0
