"""The plan for any values is far worse than the plan for these.

A prepared statement is planned for its values five times; then Postgres compares and may settle on one plan for all. Values
that are much rarer or commoner than the average want a plan of their own: plan_cache_mode = force_custom_plan.
https://www.postgresql.org/docs/current/sql-prepare.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule

WORSE, DEAR = 2.0, 100.0


def _plans(*costs: float) -> str:
    return "\n".join(
        f'[{{"Plan": {{"Node Type": "Index Scan", "Startup Cost": 0, "Total Cost": {cost}, "Plan Rows": 1, "Plan Width": 8}}}}]'
        for cost in costs
    )


RULE = Rule(
    code="F153",
    severity="info",
    form="plan",
    bad=_plans(8.4, 9_000),
    good=(_plans(8_000, 9_000), _plans(8.4, 60), _plans(9_000)),
)


def check(examined: Examined) -> Iterator[Finding]:
    if examined.generic is None:
        return
    these, any_values = examined.plan.root.total_cost, examined.generic.root.total_cost
    if any_values < WORSE * max(these, 1.0) or any_values < DEAR:
        return
    yield RULE.found(
        subject="the parameters",
        message=f"The plan for any values costs {any_values / max(these, 1.0):,.0f} times that for these. Keep a driver that prepares from settling on it.",
        evidence=f"cost {any_values:,.0f} against {these:,.0f}",
        fix="set plan_cache_mode = force_custom_plan;",
        gain=0.0,
    )
