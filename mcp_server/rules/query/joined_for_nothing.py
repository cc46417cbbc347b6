"""A table is joined on the left and used nowhere.

Where the join finds at most one row, Postgres leaves it out by itself. This one stands in the plan, so it can find several and
each multiplies the row: leave it out, or say what is wanted of it.
https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-JOIN
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

RULE = Rule(
    code="F143",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select o.name from owner o left join task t on t.owner_id = o.id where o.id < 500",
    good=(
        "select o.name from owner o where o.id < 500",
        "select t.title from task t left join owner o on o.id = t.owner_id where t.id < 500",
        "select o.name, t.title from owner o left join task t on t.owner_id = o.id where o.id < 500",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for joined in examined.asked.left_joined:
        scans = [node for node in examined.plan.nodes() if node.alias == joined.alias and node.relation == joined.table]
        if joined.mentioned or not scans:
            continue
        yield RULE.found(
            subject=joined.alias,
            message=f"{joined.alias} is joined and used nowhere; every further row of it repeats the row it is joined to. Leave it out.",
            evidence=f"#{scans[0].number}: {joined.table}",
            gain=with_all_below(examined.plan, scans[0]),
        )
