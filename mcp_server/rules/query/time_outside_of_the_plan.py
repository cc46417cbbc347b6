"""A good part of the time belongs to no part of the plan: the statement waited.

A write that runs into another's lock waits inside its run, and no node counts it. Look who holds what while it waits:
`select * from pg_stat_activity where pid = any (pg_blocking_pids(<pid>))`.
https://www.postgresql.org/docs/current/functions-info.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule


def _plan(node: float, total: float) -> str:
    return (
        '[{"Plan": {"Node Type": "ModifyTable", "Operation": "Update", "Relation Name": "task", "Alias": "task", "Startup Cost": 0, "Total Cost": 8,'
        f' "Plan Rows": 1, "Plan Width": 8, "Actual Startup Time": 0, "Actual Total Time": {node}, "Actual Rows": 0, "Actual Loops": 1}},'
        f' "Planning Time": 1, "Triggers": [], "Execution Time": {total}}}]'
    )


RULE = Rule(code="F152", severity="warning", form="plan", bad=_plan(40, 900), good=(_plan(880, 900), _plan(1, 9)))


def check(examined: Examined) -> Iterator[Finding]:
    plan = examined.plan
    known = (
        plan.root.inclusive_ms + sum(trigger.ms for trigger in plan.triggers) + (plan.jit.total_ms if plan.jit else 0)
    )
    waited = plan.total_ms - known
    if plan.analyzed and waited > max(100.0, 0.5 * plan.total_ms):
        yield RULE.found(
            subject="waiting",
            message=f"{waited:,.0f} of {plan.total_ms:,.0f} ms belong to no part of the plan: it waited, mostly for a lock. Look at pg_blocking_pids() while it does.",
            evidence=f"the plan itself took {known:,.0f} ms",
            gain=waited / plan.total_ms,
        )
