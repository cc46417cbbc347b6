"""An index is walked only for its order, and nearly every row that it leads to is thrown away.

With ORDER BY and LIMIT the planner hopes to meet enough fitting rows soon; where they are rare, or lie at the other end, it
walks through the whole table in the worst order. An index that begins with the columns of the condition and goes on with
those of the sort finds the fitting rows in their order.
https://www.postgresql.org/docs/current/indexes-ordering.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH, index_columns, new_index, saving, sorts_of

MANY = 5_000
RULE = Rule(
    code="F126",
    severity="warning",
    form="query",
    given=TASKS,
    bad="create index on task (made); set local enable_seqscan = off; select id from task where owner_id = 1999 order by made limit 10",
    good=(
        "create index on task (made); create index on task (owner_id, made); select id from task where owner_id = 1999 order by made limit 10",
        "create index on task (made); select id from task where size < 500 order by made limit 10",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Index Scan", "Index Only Scan"):
        thrown = node.removed_rows
        if node.condition("Index Cond") or not node.condition("Filter") or thrown < MANY or thrown < 20 * node.rows:
            continue
        if examined.plan.share(node) < WORTH:
            continue
        keys = index_columns(examined, node, examined.of_node(node, "Filter"), sorts_of(examined, node))
        yield RULE.found(
            subject=table_of(node),
            message=f"{node.index} is walked for its order alone: {thrown:,.0f} rows are thrown away for the {node.rows:,.0f} that fit.",
            evidence=f"#{node.number}: {node.condition('Filter')}",
            fix=new_index(examined, node, keys),
            gain=saving(examined, node),
        )
