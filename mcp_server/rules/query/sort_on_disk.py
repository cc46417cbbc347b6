"""A sort did not fit into memory and went through temporary files.

It takes two to three times as much memory as it took on disk. Set work_mem for this statement or this role, not for the
server: every sort and hash of every session may take as much.
https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-WORK-MEM
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import more_memory

RULE = Rule(
    code="F128",
    severity="warning",
    form="query",
    given=TASKS,
    bad="set local work_mem = '256kB'; select title from task order by title",
    good=(
        "set local work_mem = '32MB'; select title from task order by title",
        "set local work_mem = '256kB'; select name from owner order by name",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Sort", "Incremental Sort"):
        if node.detail("Sort Space Type") != "Disk" or examined.plan.share(node) < 0.1:
            continue
        yield RULE.found(
            subject=node.condition("Sort Key")[:80],
            message=f"A sort of {node.rows:,.0f} rows did not fit into work_mem: {node.spilled_kb / 1024:,.1f} MB went to disk.",
            evidence=f"#{node.number}: {node.detail('Sort Method')}, {node.spilled_kb:,} kB",
            fix=more_memory(node.spilled_kb),
            gain=examined.plan.share(node) / 2,
        )
