"""Planning a statement takes longer than running it.

Many joins, many partitions or many indexes make planning dear. A prepared statement is planned a few times and then no more;
partitions that hardly differ may become one.
https://www.postgresql.org/docs/current/sql-prepare.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule


def _plan(planning: float, running: float) -> str:
    return (
        '[{"Plan": {"Node Type": "Result", "Startup Cost": 0, "Total Cost": 1, "Plan Rows": 1, "Plan Width": 8, "Actual Startup Time": 0,'
        f' "Actual Total Time": {running / 2}, "Actual Rows": 1, "Actual Loops": 1}}, "Planning Time": {planning}, "Execution Time": {running}}}]'
    )


RULE = Rule(code="F147", severity="info", form="plan", bad=_plan(80, 9), good=(_plan(3, 0.5), _plan(80, 400)))


def check(examined: Examined) -> Iterator[Finding]:
    planning, running = examined.plan.planning_ms or 0.0, examined.plan.total_ms
    if examined.plan.analyzed and planning > max(10.0, running):
        yield RULE.found(
            subject="planning",
            message=f"Planning took {planning:,.0f} ms and running {running:,.0f} ms. Prepare the statement once and execute it often.",
            evidence=f"{len(examined.plan.relations)} tables and partitions",
            gain=0.0,
        )
