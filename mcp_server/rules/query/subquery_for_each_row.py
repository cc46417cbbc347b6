"""A subquery is run again for every row.

Written as a join with a grouped subquery, or as LATERAL, the rows are looked up together. A subquery that finds its one
row by an index is fine for a page of rows, and slow for all of a table.
https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-LATERAL
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

OFTEN = 1_000
_INDEXED = "create index on task (owner_id);"
RULE = Rule(
    code="F140",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_INDEXED} select name, (select max(size) from task t where t.owner_id = o.id) from owner o",
    good=(
        f"{_INDEXED} select name, most from owner o left join (select owner_id, max(size) as most from task group by owner_id) t on t.owner_id = o.id",
        f"{_INDEXED} select name, (select max(size) from task t where t.owner_id = o.id) from owner o where id < 50",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.plan.nodes():
        for part in node.children:
            loops = part.actual.loops if part.actual else 0
            share = with_all_below(examined.plan, part)
            if part.parent != "SubPlan" or (loops < OFTEN and not _reads_all(part, loops)) or share < 0.2:
                continue
            yield RULE.found(
                subject=part.subplan or "a subquery",
                message=f"A subquery is run {loops:,} times, once for each row. Join with a grouped subquery instead.",
                evidence=f"#{part.number}: {part.subplan}, {share:.0%} of the time",
                gain=share * 0.7,
            )


def _reads_all(part: PlanNode, loops: int) -> bool:
    return loops >= 100 and any(below.type == "Seq Scan" for below in part.walk())
