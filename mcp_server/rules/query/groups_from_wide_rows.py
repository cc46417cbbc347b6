"""A whole table is read and grouped, though an index could hold all that the groups need.

The rows are wide and the groups need little of them. An index with the group's columns as keys and the summed ones in INCLUDE
is a fraction of the table and comes in the order of the groups. It pays while most pages are all-visible.
https://www.postgresql.org/docs/current/indexes-index-only-scans.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.index_cures import covering_index, looked_at

MANY, WORTH = 10_000, 0.15
_LINES = (
    "create table line (id int primary key, bill int not null, amount int not null, remark text);"
    "insert into line select g, g % 4000, g % 90, repeat('remark ' || g, 40) from generate_series(1, 20000) g;"
    "vacuum analyze line;"
)
RULE = Rule(
    code="F141",
    severity="info",
    form="query",
    given=_LINES,
    bad="select bill, sum(amount) from line group by bill having sum(amount) > 1000",
    good=(
        "create index on line (bill) include (amount); select bill, sum(amount) from line group by bill having sum(amount) > 1000",
        "select bill, max(remark) from line group by bill having sum(amount) > 1000",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Aggregate"):
        below = node.children[0] if node.children else node
        scan = below.children[0] if below.type == "Sort" and below.children else below
        if scan.type != "Seq Scan" or looked_at(examined, scan) < MANY or examined.plan.share(scan) < WORTH:
            continue
        fix = covering_index(examined, node, scan)
        if not fix:
            continue
        yield RULE.found(
            subject=table_of(scan),
            message=f"All of {table_of(scan)} is read to group it by {node.condition('Group Key')[:80]}; an index could hold what the groups need.",
            evidence=f"#{scan.number}: {looked_at(examined, scan):,.0f} rows on {examined.pages[table_of(scan)].pages:,} pages",
            fix=fix,
            gain=examined.plan.share(scan) / 2,
        )
