"""A table is read whole, and most of its pages are empty space that deleted rows left behind.

VACUUM makes the space free for new rows but keeps the pages. VACUUM FULL writes the table anew under a lock that stops
everybody; pg_repack does the same beside the traffic.
https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-SPACE-RECOVERY
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH

PAGE, HEAD, FILLED = 8_192, 28, 0.5
RULE = Rule(
    code="F113",
    severity="warning",
    form="query",
    given=TASKS
    + "create table swollen (n int, rest text); insert into swollen select g, repeat('x', 200) from generate_series(1, 40000) g;"
    "delete from swollen where n % 20 <> 0; vacuum analyze swollen;",
    bad="select sum(n) from swollen",
    good=("select sum(size) from task", "select count(*) from owner"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        table = table_of(node)
        pages = examined.pages.get(table)
        row = sum(known.width for (of, _), known in examined.columns.items() if of == table) + HEAD
        needed = examined.rows_of(node) * row / PAGE
        if not pages or pages.pages < 200 or needed >= pages.pages * FILLED or examined.plan.share(node) < WORTH:
            continue
        yield RULE.found(
            subject=table,
            message=f"{table} has {pages.pages:,} pages and needs some {needed:,.0f}: the rest is what deleted rows left. Rewrite it in a quiet hour, with pg_repack or VACUUM FULL.",
            evidence=f"#{node.number}: {examined.rows_of(node):,} rows of about {row} bytes",
            gain=examined.plan.share(node) * (1 - needed / pages.pages),
        )
