"""A table is read whole, and rightly so: no index will help here.

Most of its rows are wanted, or the table is so small that an index would be slower. What helps is to ask for less: fewer
rows, fewer columns, or a total that is kept instead of computed.
https://www.postgresql.org/docs/current/indexes-examine.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import MANY, covering_index, kept, looked_at

RIGHT = 0.3
RULE = Rule(
    code="F103",
    severity="info",
    form="query",
    given=TASKS,
    bad="select sum(size) from task where size >= 300",
    good=("select sum(size) from task where id < 9000", "select name from owner where id > 100"),
)


def check(examined: Examined) -> Iterator[Finding]:
    node = max(examined.scans("Seq Scan"), key=examined.plan.share, default=None)
    if node is None or examined.plan.share(node) < RIGHT:
        return
    if kept(examined, node) < RIGHT or looked_at(examined, node) < MANY:
        return
    above = examined.parents().get(node.number)
    if above is not None and above.type == "Sort":
        above = examined.parents().get(above.number)
    if above is not None and above.type == "Aggregate" and covering_index(examined, above, node):
        return
    yield RULE.found(
        subject=table_of(node),
        message=f"No index will help with {table_of(node)}: {kept(examined, node):.0%} of its rows are wanted. Ask for fewer rows, or keep the total.",
        evidence=f"#{node.number}: {looked_at(examined, node):,.0f} rows read",
    )
