"""A part's result is kept in a temporary file, to be read again.

A CTE that is used twice, or the inner side of a join, is stored while it is read; beyond work_mem it goes to disk. AS NOT
MATERIALIZED lets the planner put a CTE in place instead.
https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-CTE-MATERIALIZATION
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import more_memory, spills, with_all_below

STORES = ("CTE Scan", "Materialize", "WindowAgg", "Function Scan", "Recursive Union")
RULE = Rule(
    code="F116",
    severity="warning",
    form="query",
    given=TASKS,
    bad="set local work_mem = '256kB'; with all_of as materialized (select * from task) select count(*) from all_of a where size < 500 and title > 'Task 8'",
    good=(
        "set local work_mem = '64MB'; with all_of as materialized (select * from task) select count(*) from all_of a where size < 500",
        "with all_of as (select * from task) select count(*) from all_of a where id = 7",
    ),
    beside=("F103", "F134", "F137"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans(*STORES):
        written = max(spills(examined, node), float(node.spilled_kb))
        if written < 512 or with_all_below(examined.plan, node) < 0.1:
            continue
        yield RULE.found(
            subject=node.cte or node.function or node.type,
            message=f"The result of {node.cte or node.type} is kept on disk, {written / 1024:,.1f} MB. Narrow it, or give it memory.",
            evidence=f"#{node.number}: {written:,.0f} kB written",
            fix=more_memory(written),
            gain=with_all_below(examined.plan, node) / 4,
        )
