"""A plan with its findings as one HTML page, for people: verdict, findings, picture, every node."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.model.finding import Finding
from mcp_server.model.query import QueryPlan
from mcp_server.render.html import page
from mcp_server.render.plan_picture import ROW, WIDTH, boxes, height, lines
from mcp_server.render.plan_text import observations, verdict
from mcp_server.render.query_findings import proof, saving


def render_plan_page(
    plan: QueryPlan, sql: str, findings: Sequence[Finding] = (), notes: Sequence[str] = (), trial: Sequence[str] = ()
) -> str:
    """The page. trial: lines of a before/after table, as text."""
    drawn = boxes(plan)
    return page(
        "plan",
        title="Query plan",
        sql=sql,
        verdict=verdict(plan),
        findings=[(one, saving(plan, one).strip(), proof(one)) for one in findings],
        notes=(*notes, *observations(plan)),
        trial="\n".join(trial),
        boxes=drawn,
        lines=lines(plan),
        width=WIDTH,
        row=ROW,
        height=height(drawn),
        analyzed=plan.analyzed,
    )
