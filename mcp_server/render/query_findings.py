"""What the rules found in a query, for an agent: what could be saved, one action each, and whether it was proven."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.model.finding import Finding
from mcp_server.model.query import QueryPlan
from mcp_server.render.plan_node import milliseconds
from mcp_server.render.words import count, one_line

SHOWN, TEXT, FIX = 6, 400, 600
UNPROVEN = "not proven"


def render_findings(plan: QueryPlan, findings: Sequence[Finding], limit: int = SHOWN) -> list[str]:
    """Lines, the largest saving first; what is not shown is counted."""
    if not findings:
        return [_nothing(plan)]
    lines = [f"{count(len(findings), 'finding')}, the largest saving first:"]
    for number, one in enumerate(findings[:limit], 1):
        lines.append(
            f"{number}. {one.code} {saving(plan, one)}{one_line(one.message, TEXT)} [{one_line(one.evidence, 160)}]"
        )
        if one.fix:
            lines.append(f"   {proof(one)}: {one_line(one.fix, FIX)}")
    if len(findings) > limit:
        lines.append(f"Showing {limit} of {len(findings)}; all of them stand on the page.")
    indexes = [one for one in findings[:limit] if "create index" in one.fix.lower() and not one.proven]
    if indexes:
        lines.append('To prove an index: the same call with indexes=["create index …"], which builds it on a copy.')
    return lines


def render_cured(cured: Sequence[Finding], limit: int = 3) -> list[str]:
    """What a trial that was measured has cured, a line each."""
    lines = [f"Cured: {one.code} {one_line(one.message, TEXT)} {one.proven}." for one in cured[:limit]]
    return [*lines, f"And {len(cured) - limit} more."] if len(cured) > limit else lines


def saving(plan: QueryPlan, finding: Finding) -> str:
    """What a finding's cure could save at most, with a blank behind it; "" when that is not known."""
    if finding.gain < 0.005:
        return ""
    if not plan.analyzed:
        return f"(up to {finding.gain:.0%} of the cost) "
    return f"(up to {milliseconds(finding.gain * plan.total_ms)} ms, {finding.gain:.0%}) "


def proof(finding: Finding) -> str:
    """Whether a fix was tried, in words that stand before it."""
    return finding.proven or f"Fix, {UNPROVEN}"


def findings_data(plan: QueryPlan, findings: Sequence[Finding]) -> list[dict[str, object]]:
    """The same for programs."""
    return [
        {
            "code": one.code,
            "severity": one.severity,
            "subject": one.subject,
            "message": one.message,
            "evidence": one.evidence,
            "fix": one.fix,
            "gain": round(one.gain, 4),
            "gain_ms": round(one.gain * plan.total_ms, 3) if plan.analyzed else None,
            "proven": one.proven,
        }
        for one in findings
    ]


def _nothing(plan: QueryPlan) -> str:
    if plan.analyzed:
        return "Nothing found that would make it faster."
    return "Nothing found in the estimates; analyze=True measures, where the statement only reads."
