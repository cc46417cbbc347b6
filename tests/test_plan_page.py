"""A plan as a page for people: every node is on it, what the database says stays text, and nothing is loaded."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mcp_server.model.finding import Finding
from mcp_server.model.query import QueryPlan
from mcp_server.model.query_json import read_plan
from mcp_server.render.plan_page import render_plan_page
from mcp_server.render.plan_picture import WIDTH, boxes, lines


def plan_of(fan: int, depth: int) -> QueryPlan:
    """A plan whose nodes have `fan` children each."""

    def node(level: int) -> dict[str, Any]:
        children = [node(level - 1) for _ in range(fan)] if level else []
        total = sum(child["Actual Total Time"] for child in children) + 3
        made: dict[str, Any] = {
            "Node Type": "Append" if children else "Seq Scan", "Startup Cost": 0, "Total Cost": total, "Plan Rows": 5, "Plan Width": 8,
            "Actual Startup Time": 0, "Actual Total Time": total, "Actual Rows": 900, "Actual Loops": 1,
        }  # fmt: skip
        hostile = {
            "Relation Name": "<b>t</b>",
            "Schema": "public",
            "Alias": "t",
            "Filter": "(a <> '<script>alert(1)</script>')",
        }
        return {**made, "Plans": children} if children else {**made, **hostile}

    root = node(depth)
    return read_plan([{"Plan": root, "Planning Time": 1, "Execution Time": root["Actual Total Time"]}])


def test_a_page_of_two_hundred_nodes_has_a_line_for_each_and_runs_nothing_that_it_shows() -> None:
    plan = plan_of(6, 3)
    found = Finding("F101", "warning", "t", "A & <i>B</i>.", "evidence", "create index on t (a);", gain=0.4)
    page = render_plan_page(plan, "select '<script>'", (found,), ("a note",), ("before after",))
    total = sum(1 for _ in plan.nodes())
    assert total == 259
    assert [f'id="n{number}"' in page for number in range(1, total + 1)] == [True] * total
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert not re.search(r"(src|href)=\"(?!#)", page)
    assert "up to " in page
    assert "Fix, not proven:" in page
    assert len(page) < 300_000


def test_boxes_are_as_wide_as_their_time_and_lie_inside_of_what_holds_them() -> None:
    plan = plan_of(3, 3)
    drawn = {box.number: box for box in boxes(plan)}
    assert drawn[1].width == WIDTH
    for node in plan.nodes():
        inside = [drawn[child.number] for child in node.children]
        for box in inside:
            holder = drawn[node.number]
            assert holder.left <= box.left
            assert box.left + box.width <= holder.left + holder.width + 0.001
            assert box.top > holder.top
    assert drawn[2].width == pytest.approx(WIDTH * plan.root.children[0].inclusive_ms / plan.total_ms)


def test_a_plan_that_was_not_run_is_drawn_by_its_cost() -> None:
    raw = {"Node Type": "Seq Scan", "Startup Cost": 0, "Total Cost": 8, "Plan Rows": 5, "Plan Width": 8}
    plan = read_plan([{"Plan": raw}])
    assert [line.own for line in lines(plan)] == ["cost 8"]
    assert "as wide as the cost" in render_plan_page(plan, "select 1")
