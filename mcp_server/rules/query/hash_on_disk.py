"""A hash table did not fit into memory and was worked through in batches on disk.

Hashes may take work_mem times hash_mem_multiplier. When there were far more batches than planned, the number of rows was
misjudged.
https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-HASH-MEM-MULTIPLIER
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import more_memory, number, with_all_below

RULE = Rule(
    code="F137",
    severity="warning",
    form="query",
    given=TASKS,
    bad="set local work_mem = '64kB'; set local enable_mergejoin = off; set local enable_nestloop = off; set local enable_sort = off;"
    " select count(b.title) from task a join task b on a.id = b.id + 1",
    good=(
        "set local work_mem = '64MB'; set local enable_mergejoin = off; set local enable_nestloop = off;"
        " select count(b.title) from task a join task b on a.id = b.id + 1",
        "set local work_mem = '1MB'; select count(*) from task a join owner b on a.owner_id = b.id",
    ),
    beside=("F103", "F134"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Hash", "Aggregate"):
        batches = number(node, "Hash Batches") or number(node, "HashAgg Batches")
        if batches <= 1 or with_all_below(examined.plan, node) < 0.1:
            continue
        size = number(node, "Disk Usage") or number(node, "Peak Memory Usage") * batches
        planned = number(node, "Original Hash Batches")
        grown = f", {planned:.0f} planned" if planned and planned < batches else ""
        yield RULE.found(
            subject=node.type,
            message=f"A hash did not fit into memory and was worked through in {batches:.0f} batches on disk{grown}.",
            evidence=f"#{node.number}: about {size:,.0f} kB",
            fix=more_memory(size),
            gain=with_all_below(examined.plan, node) / 3,
        )
