"""The bitmap of the rows to fetch did not fit into memory, so whole pages are looked through again.

Beyond work_mem a bitmap remembers pages instead of rows, and every row of such a page is compared once more.
https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-WORK-MEM
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import WORTH
from mcp_server.rules.shares import number

_BAD = (
    "create table wide (n int, filling text) with (fillfactor = 10); insert into wide select g % 100, repeat('x', 100) from generate_series(1, 20000) g;"
    "create index on wide (n); analyze wide; set local enable_seqscan = off; set local enable_indexscan = off;"
)
RULE = Rule(
    code="F106",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_BAD} set local work_mem = '64kB'; select count(filling) from wide where n < 60",
    good=(
        f"{_BAD} select count(filling) from wide where n < 60",
        f"{_BAD} set local work_mem = '64kB'; select count(filling) from wide where n = 1",
    ),
    beside=("F103",),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Bitmap Heap Scan"):
        lossy, exact = number(node, "Lossy Heap Blocks"), number(node, "Exact Heap Blocks")
        if lossy < 100 or examined.plan.share(node) < WORTH:
            continue
        # A page of an exact bitmap takes some 64 bytes with its overhead in the hash table.
        need = max(4, round((lossy + exact) * 64 / 1024 / 1024 * 2) + 1)
        yield RULE.found(
            subject=table_of(node),
            message=f"The bitmap did not fit into work_mem: {lossy:,.0f} of {lossy + exact:,.0f} pages are looked through whole.",
            evidence=f"#{node.number}: {dict(node.removed).get('Index Recheck', 0):,.0f} rows thrown away by the recheck",
            fix=f"set work_mem = '{need}MB';",
            gain=examined.plan.share(node) * lossy / (lossy + exact) / 2,
        )
