"""Many rows are sorted so that the first few can be returned.

An index in the order of the sort, behind the columns that the condition compares for equality, yields the first rows
without looking at the others.
https://www.postgresql.org/docs/current/indexes-ordering.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import SCANS, index_columns, new_index, sorts_of
from mcp_server.rules.shares import rows_of, with_all_below

MANY = 5_000
RULE = Rule(
    code="F127",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select id, title from task order by made desc limit 20",
    good=(
        "create index on task (made); select id, title from task order by made desc limit 20",
        "select id, title from task order by made",
        "select name from owner order by name limit 5",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    plan, parents = examined.plan, examined.parents()
    for node in plan.nodes():
        above = parents.get(node.number)
        if (
            node.type not in ("Sort", "Incremental Sort")
            or above is None
            or above.type not in ("Limit", "Gather Merge")
        ):
            continue
        (scan,) = node.children
        rows, wanted = rows_of(plan, scan), rows_of(plan, above)
        order = sorts_of(examined, scan)
        if scan.type not in SCANS or not order or rows < max(MANY, 10 * wanted) or with_all_below(plan, node) < 0.1:
            continue
        keys = index_columns(examined, scan, examined.of_node(scan, "Filter", "Recheck Cond", "Index Cond"), order)
        fix = new_index(examined, scan, keys)
        if fix:
            yield RULE.found(
                subject=table_of(scan),
                message=f"{rows:,.0f} rows of {table_of(scan)} are sorted for the first {wanted:,.0f}.",
                evidence=f"#{node.number}: {node.condition('Sort Key')}",
                fix=fix,
                gain=with_all_below(plan, node) * (1 - wanted / rows),
            )
