"""A table is read whole once for every row of something else.

The inner side of a nested loop, or a subquery that is run for each row, needs an index on the columns by which it is looked
up; without one the work is the product of both sizes.
https://www.postgresql.org/docs/current/using-explain.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH, index_columns, new_index

OFTEN = 100
RULE = Rule(
    code="F102",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select name, (select count(*) from task t where t.owner_id = o.id) from owner o where o.id <= 120",
    good=(
        "create index on task (owner_id);"
        "select name, (select count(*) from task t where t.owner_id = o.id) from owner o where o.id <= 120",
        "select name, (select count(*) from task t where t.id = o.id) from owner o where o.id <= 120",
    ),
    beside=("F140",),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        if not node.actual or node.actual.loops < OFTEN or examined.plan.share(node) < WORTH:
            continue
        fix = new_index(examined, node, index_columns(examined, node, examined.of_node(node, "Filter")))
        if fix:
            yield RULE.found(
                subject=table_of(node),
                message=f"{table_of(node)} is read whole {node.actual.loops:,} times, once for each row of what asks for it.",
                evidence=f"#{node.number}: {node.condition('Filter')}",
                fix=fix,
                gain=examined.plan.share(node),
            )
