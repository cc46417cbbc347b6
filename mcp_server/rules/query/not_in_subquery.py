"""NOT IN (select …) is asked where NOT EXISTS is meant.

One NULL in the subquery makes NOT IN true of no row at all, so Postgres cannot run it as a join: it compares every row with
the whole result, kept in memory, and where that is too large runs the subquery again for each row.
https://www.postgresql.org/docs/current/functions-subquery.html#FUNCTIONS-SUBQUERY-NOTIN
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

RULE = Rule(
    code="F122",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select name from owner where id not in (select owner_id from task)",
    good=(
        "select name from owner o where not exists (select from task t where t.owner_id = o.id)",
        "select name from owner where id not in (1, 2, 3)",
    ),
    beside=("F103",),
)


def check(examined: Examined) -> Iterator[Finding]:
    if not examined.asked.not_in_query:
        return
    for node in examined.plan.nodes():
        denied = [part for part in node.children if part.parent == "SubPlan" and "NOT" in node.condition("Filter")]
        if denied and with_all_below(examined.plan, node) >= 0.1:
            yield RULE.found(
                subject=table_of(node) or node.type,
                message="NOT IN keeps the whole subquery beside every row, and is true of none once that holds a NULL. Ask `not exists (select from … where … = …)`.",
                evidence=f"#{node.number}: {node.condition('Filter')}",
                gain=0.0 if "hashed" in node.condition("Filter") else with_all_below(examined.plan, denied[0]) * 0.9,
            )
