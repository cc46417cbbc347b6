"""These values are far commoner than the average, and a prepared statement will be planned for the average.

It is planned for its values five times; then Postgres takes the plan for any values when that looks cheaper on the whole.
For common values that plan looks up row by row what were better read at once.
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
    bad=_plans(9_000, 60),
    good=(_plans(8_000, 9_000), _plans(8.4, 9_000), _plans(60, 8), _plans(9_000)),
)


def check(examined: Examined) -> Iterator[Finding]:
    if examined.generic is None:
        return
    these, any_values = examined.plan.root.total_cost, examined.generic.root.total_cost
    if these < WORSE * max(any_values, 1.0) or these < DEAR:
        return
    yield RULE.found(
        subject="the parameters",
        message=f"These values cost {these / max(any_values, 1.0):,.0f} times what the plan for any values is taken to cost, so a prepared statement will settle on that plan. Have it planned for its values.",
        evidence=f"cost {these:,.0f} for these, {any_values:,.0f} for any",
        fix="set plan_cache_mode = force_custom_plan;",
        gain=0.0,
    )
