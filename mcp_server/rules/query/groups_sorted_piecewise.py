"""Rows come half sorted, and in so few groups that each still is a large sort.

An incremental sort goes on from the order that an index gives; it pays when the groups of equal leading values are small.
An index with the whole order needs no sort at all.
https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-ENABLE-INCREMENTAL-SORT
"""

import re
from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import SCANS, new_index
from mcp_server.rules.shares import number

MANY, LARGE, WORTH = 10_000, 1_000, 0.1
_NUMBERED = "select max(n) from (select row_number() over (partition by state order by due) as n from task) x"
_KEY = re.compile(r"(?:(?P<alias>\w+)\.)?(?P<column>\w+)(?P<down> DESC)?")
RULE = Rule(
    code="F130",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"create index on task (state); set local enable_seqscan = off; {_NUMBERED}",
    good=(
        f"create index on task (state, due); set local enable_seqscan = off; {_NUMBERED}",
        "create index on task (owner_id); set local enable_seqscan = off; select max(n) from (select row_number() over (partition by owner_id order by due) as n from task) x",
    ),
    beside=("F103",),
)


def check(examined: Examined) -> Iterator[Finding]:
    parents = examined.parents()
    for node in examined.scans("Incremental Sort"):
        groups = max(number(node, "Full-sort Groups Group Count"), number(node, "Pre-sorted Groups Group Count"))
        above, share = parents.get(node.number), examined.plan.share(node)
        if above is None or above.type in ("Limit", "Gather Merge") or share < WORTH:
            continue
        if not groups or node.rows < MANY or node.rows / groups < LARGE:
            continue
        (scan,) = node.children
        yield RULE.found(
            subject=table_of(scan) or node.condition("Sort Key")[:80],
            message=f"{node.rows:,.0f} rows are sorted in {groups:,.0f} groups of equal {node.condition('Presorted Key')[:80]}; the order that is there hardly helps.",
            evidence=f"#{node.number}: {node.condition('Sort Key')[:120]}",
            fix=new_index(examined, scan, _keys(node, scan)),
            gain=share,
        )


def _keys(node: PlanNode, scan: PlanNode) -> tuple[str, ...]:
    """The keys of a sort when all of them are columns of one scan's table, else ()."""
    found = [_KEY.fullmatch(text) for text in node.condition("Sort Key").split(", ")]
    keys = [match for match in found if match and match["alias"] in (None, scan.alias)]
    if scan.type not in SCANS or len(keys) < len(found):
        return ()
    return tuple(f"{quote(match['column'])}{' desc' if match['down'] else ''}" for match in keys)
