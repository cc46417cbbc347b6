"""Several indexes are read and their results put together, where one index on all the columns would do.

Each of them finds many rows that the others then exclude.
https://www.postgresql.org/docs/current/indexes-bitmap-scans.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH, index_columns, new_index
from mcp_server.rules.shares import rows_of, with_all_below

_FILLED = (
    "create table mark (a int, b int, rest text); insert into mark select g * 31 % 40, g * 17 % 41, md5(g::text) from generate_series(1, 40000) g;"
    " analyze mark;"
)
_TWO = "create index on mark (a); create index on mark (b);"
RULE = Rule(
    code="F107",
    severity="warning",
    form="query",
    given=TASKS + _FILLED,
    bad=f"{_TWO} select rest from mark where a = 3 and b = 5",
    good=(
        "create index on mark (a, b); select rest from mark where a = 3 and b = 5",
        f"{_TWO} select rest from mark where a = 3 or b = 5",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    plan = examined.plan
    for node in examined.scans("Bitmap Heap Scan"):
        ands = [child for child in node.children if child.type == "BitmapAnd"]
        if not ands or with_all_below(plan, node) < WORTH:
            continue
        fix = new_index(examined, node, index_columns(examined, node, examined.of_node(node, "Recheck Cond", "Filter")))
        names = [below.index for below in ands[0].walk() if below.index]
        found = sum(rows_of(plan, below) for below in ands[0].walk() if below.index)
        if fix:
            yield RULE.found(
                subject=table_of(node),
                message=f"{' and '.join(names)} are read and put together for {rows_of(plan, node):,.0f} rows, where one index would find them.",
                evidence=f"#{node.number}: {found:,.0f} entries read; {node.condition('Recheck Cond')}",
                fix=fix,
                gain=with_all_below(plan, ands[0]),
            )
