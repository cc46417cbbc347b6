"""Fewer parallel workers came than the plan counted on.

All sessions share max_parallel_workers; when they are taken, the leader does the work of several.
https://www.postgresql.org/docs/current/when-can-parallel-query-be-used.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

_PARALLEL = (
    "set local max_parallel_workers_per_gather = 2; set local min_parallel_table_scan_size = 0; set local parallel_setup_cost = 0;"
    " set local parallel_tuple_cost = 0;"
)
RULE = Rule(
    code="F144",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_PARALLEL} set local max_parallel_workers = 0; select count(*) from task where size > 3",
    good=(
        f"{_PARALLEL} set local max_parallel_workers = 0; set local max_parallel_workers_per_gather = 0; select count(*) from task where size > 3",
        "select count(*) from owner",
    ),
    beside=("F103",),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Gather", "Gather Merge"):
        missing = node.workers_planned - node.workers_launched
        if node.actual is None or missing <= 0:
            continue
        yield RULE.found(
            subject=node.type,
            message=f"{node.workers_launched} of {node.workers_planned} parallel workers came: others had taken them. Raise max_parallel_workers, or plan for fewer.",
            evidence=f"#{node.number}: Workers Launched {node.workers_launched}",
            fix="set max_parallel_workers_per_gather = 0;" if node.workers_launched == 0 else "",
            gain=with_all_below(examined.plan, node) * missing / (node.workers_planned + 1),
        )
