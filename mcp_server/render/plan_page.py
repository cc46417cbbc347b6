"""A plan with its findings as one HTML page, for people: verdict, findings, picture, every node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mcp_server.model.finding import Finding
from mcp_server.model.query import QueryPlan
from mcp_server.model.query_json import read_plan
from mcp_server.render.html import page
from mcp_server.render.plan_picture import ROW, WIDTH, boxes, height, lines
from mcp_server.render.plan_text import observations, verdict
from mcp_server.render.query_findings import proof, saving
from mcp_server.render.words import clean

_SHOWN = ("code", "severity", "subject", "message", "evidence", "fix", "gain", "proven")


def page_data(
    document: str, plan: QueryPlan, sql: str, findings: Sequence[Finding], notes: Sequence[str], trial: Sequence[str]
) -> dict[str, object]:
    """What `kept_plan_page` makes the page of, for JSON. document: the run under which EXPLAIN's JSON is kept."""
    return {
        "page": "plan",
        "document": document,
        "generic": plan.generic,
        "sql": sql,
        "findings": [{name: getattr(one, name) for name in _SHOWN} for one in findings],
        "notes": list(notes),
        "trial": list(trial),
    }


def kept_plan_page(data: Mapping[str, Any]) -> str:
    """The page of what was kept. data: as `page_data` has it, with EXPLAIN's JSON itself as the document."""
    plan = read_plan(data["document"], generic=data["generic"])
    findings = tuple(Finding(**one) for one in data["findings"])
    return clean(render_plan_page(plan, data["sql"], findings, data["notes"], data["trial"]))


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
