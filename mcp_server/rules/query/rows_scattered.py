"""The rows that an index leads to lie all over the table, so that nearly each costs a page of its own.

Pages are read whole: rows that are asked for together are cheap when they lie together. CLUSTER sorts the table once by an
index (it stops everybody meanwhile; pg_repack does not), and new rows spoil it again. An index that holds what is asked for
(INCLUDE) does without the table.
https://www.postgresql.org/docs/current/sql-cluster.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import looked_at
from mcp_server.rules.shares import with_all_below

MANY, TIMES, LEAST, ORDERED = 1_000, 5, 100, 0.3
RULE = Rule(
    code="F112",
    severity="info",
    form="query",
    given=TASKS,
    bad="create index on task (size); set local enable_seqscan = off; select * from task where size < 100",
    good=(
        "create index on task (made); set local enable_seqscan = off; select * from task where made < '2024-01-15'",
        "create index on task (size); select * from task where size = 100",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Index Scan", "Bitmap Heap Scan"):
        table, rows = table_of(node), looked_at(examined, node)
        pages, column = examined.pages.get(table), _leading(examined, node)
        whole = examined.rows_of(node)
        if node.actual is None or node.actual.loops > 1 or rows < MANY or not (pages and whole and column):
            continue
        correlation = examined.statistics(table, column).correlation
        blocks, adjacent = node.own_hit + node.own_read, rows / whole * pages.pages
        if correlation is None or abs(correlation) > ORDERED or blocks < max(LEAST, TIMES * adjacent):
            continue
        share = with_all_below(examined.plan, node)
        if share < ORDERED:
            continue
        yield RULE.found(
            subject=table,
            message=f"{rows:,.0f} rows of {table} lie on {blocks:,} pages; side by side they would take {adjacent:,.0f}. CLUSTER the table by {column} in a quiet hour, or let an index hold what is asked for.",
            evidence=f"#{node.number}: correlation of {column} with the order on disk {correlation:.2f}",
            gain=share * (1 - adjacent / blocks) / 2,
        )


def _leading(examined: Examined, node: PlanNode) -> str:
    """The first column of the index that a scan goes by, "" for an expression."""
    name = node.index or next((child.index for child in node.children if child.type == "Bitmap Index Scan"), "")
    found = next((one for one in examined.indexes(table_of(node)) if one.name == name), None)
    return found.columns[0] if found and found.columns and found.method == "btree" else ""
