"""Compiling the expressions (JIT) takes longer than it can save.

It pays for statements that run for seconds. Estimates that are too high switch it on for short ones; raise jit_above_cost,
or switch it off for the role.
https://www.postgresql.org/docs/current/jit-decision.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule


def _plan(jit: float, total: float) -> str:
    return (
        '[{"Plan": {"Node Type": "Result", "Startup Cost": 0, "Total Cost": 200000, "Plan Rows": 1, "Plan Width": 8, "Actual Startup Time": 0,'
        f' "Actual Total Time": {total - 1}, "Actual Rows": 1, "Actual Loops": 1}}, "Planning Time": 1, "JIT": {{"Functions": 30,'
        f' "Timing": {{"Total": {jit}}}}}, "Execution Time": {total}}}]'
    )


RULE = Rule(
    code="F146",
    severity="warning",
    form="plan",
    bad=_plan(300, 500),
    good=(_plan(100, 9000), _plan(2, 12)),
)


def check(examined: Examined) -> Iterator[Finding]:
    jit, total = examined.plan.jit, examined.plan.total_ms
    if jit is None or not total or jit.total_ms < 10 or jit.total_ms < 0.15 * total:
        return
    yield RULE.found(
        subject="JIT",
        message=f"Compiling {jit.functions} functions took {jit.total_ms:,.0f} of {total:,.0f} ms.",
        evidence=f"JIT {jit.total_ms:,.0f} ms",
        fix="set jit = off;",
        gain=jit.total_ms / total,
    )
