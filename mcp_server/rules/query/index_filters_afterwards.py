"""An index finds far more rows than are wanted, and the rest of the condition throws them away.

Each of those rows was fetched from the table to be looked at. An index that also holds the column of the filter, columns
compared for equality before one compared by range, finds only the rows that are wanted.
https://www.postgresql.org/docs/current/indexes-multicolumn.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH, index_columns, new_index, saving

MANY = 1_000
RULE = Rule(
    code="F104",
    severity="warning",
    form="query",
    given=TASKS,
    bad="create index on task (due); select title from task where due < '2024-02-10' and owner_id = 42",
    good=(
        "create index on task (state, owner_id); select title from task where state = 'open' and owner_id = 42",
        "create index on task (owner_id); select title from task where owner_id = 42 and size > 10",
    ),
)
_KINDS = ("Index Cond", "Recheck Cond", "Filter")


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Index Scan", "Bitmap Heap Scan", "Index Only Scan"):
        thrown = dict(node.removed).get("Filter", 0) * (node.actual.loops if node.actual else 0)
        sought = node.condition("Index Cond") or node.condition("Recheck Cond")
        if not sought or thrown < max(MANY, 10 * node.rows) or examined.plan.share(node) < WORTH:
            continue
        fix = new_index(examined, node, index_columns(examined, node, examined.of_node(node, *_KINDS)))
        yield RULE.found(
            subject=table_of(node),
            message=f"{node.index or 'An index'} of {table_of(node)} finds {thrown + node.rows:,.0f} rows, and the filter keeps {node.rows:,.0f}.",
            evidence=f"#{node.number}: sought by {sought}, filtered by {node.condition('Filter')}",
            fix=fix,
            gain=saving(examined, node),
        )
