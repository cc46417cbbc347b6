"""A scan of the index alone had to look into the table after all.

An index does not know which rows are visible; the visibility map does, and VACUUM writes it. Rows changed since then are
looked up in the table one by one.
https://www.postgresql.org/docs/current/indexes-index-only-scans.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH
from mcp_server.rules.shares import number

RULE = Rule(
    code="F109",
    severity="warning",
    form="query",
    given=TASKS,
    bad="create table stamp (n int); insert into stamp select g from generate_series(1, 20000) g; create index on stamp (n); analyze stamp;"
    " set local enable_seqscan = off; set local enable_bitmapscan = off; select count(*) from stamp where n > 1000",
    good=(
        "select count(*) from task where id < 20000",
        "select name from owner where id = 7",
    ),
    beside=("F103", "F110"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Index Only Scan"):
        fetched = number(node, "Heap Fetches")
        if fetched < max(1_000, 0.1 * node.rows) or examined.plan.share(node) < WORTH:
            continue
        yield RULE.found(
            subject=table_of(node),
            message=f"{node.index} alone was not enough: {fetched:,.0f} of {node.rows:,.0f} rows were looked up in {table_of(node)}. VACUUM it, and let autovacuum come more often.",
            evidence=f"#{node.number}: Heap Fetches {fetched:,.0f}",
            fix=f"vacuum {table_of(node)};",
            gain=examined.plan.share(node) * min(fetched / max(node.rows, 1), 1) / 2,
        )
