"""An index is searched over and over for one answer, since its first column is not in the condition.

From PostgreSQL 18 on a B-tree can skip from value to value of a first column that nothing is said of. That is quick for a
few values; for many, an index that begins with the column of the condition is.
https://www.postgresql.org/docs/18/indexes-multicolumn.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH, index_columns, new_index
from mcp_server.rules.shares import number

OFTEN = 100
RULE = Rule(
    code="F111",
    severity="warning",
    form="query",
    given=TASKS + "create table visit (page int, day int, at int);"
    "insert into visit select g % 150, g / 150, g from generate_series(1, 120000) g; vacuum analyze visit;",
    since=18,
    bad="create index on visit (page, day); select at from visit where day = 42",
    good=(
        "create index on visit (day, page); select at from visit where day = 42",
        "create index on task (state, owner_id); select id from task where owner_id = 42",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        searches = number(node, "Index Searches")
        loops = node.actual.loops if node.actual else 1
        scan = examined.parents().get(node.number, node) if node.type == "Bitmap Index Scan" else node
        if searches < OFTEN * loops or examined.plan.share(node) < WORTH:
            continue
        kinds = ("Index Cond", "Recheck Cond", "Filter")
        yield RULE.found(
            subject=table_of(scan),
            message=f"{node.index} is searched {searches:,.0f} times, for its first column is not in the condition.",
            evidence=f"#{node.number}: {node.condition('Index Cond')}",
            fix=new_index(examined, scan, index_columns(examined, scan, examined.of_node(scan, *kinds))),
            gain=examined.plan.share(node) * (1 - loops / searches),
        )
