"""Rows are fetched from all over a table for one or two small columns that the index could hold itself.

INCLUDE puts columns into the leaves of an index without making them keys, so that the table is not looked at. It costs
room, for such an index does not fold equal keys, and it pays while most pages are all-visible.
https://www.postgresql.org/docs/current/indexes-index-only-scans.html
"""

import re
from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import PlanNode
from mcp_server.model.schema import Index
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import new_index
from mcp_server.rules.shares import with_all_below

MANY, MOST, WIDE = 1_000, 2, 16
_INDEXED = "create index on task (size);"
RULE = Rule(
    code="F110",
    severity="info",
    form="query",
    given=TASKS,
    bad=f"{_INDEXED} set local enable_seqscan = off; select sum(owner_id) from task where size < 100",
    good=(
        "create index on task (size) include (owner_id); select sum(owner_id) from task where size < 100",
        f"{_INDEXED} set local enable_seqscan = off; select * from task where size < 100",
        f"{_INDEXED} select sum(owner_id) from task where size = 100",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Index Scan", "Bitmap Heap Scan"):
        index = _index(examined, node)
        if index is None or node.rows < MANY or with_all_below(examined.plan, node) < 0.3 or node.condition("Filter"):
            continue
        more = _columns(examined, node) - {*index.columns, *index.include}
        width = sum(examined.statistics(table_of(node), name).width for name in more)
        if not more or len(more) > MOST or width > WIDE or index.method != "btree" or "" in index.columns:
            continue
        yield RULE.found(
            subject=table_of(node),
            message=f"{node.rows:,.0f} rows are fetched from {table_of(node)} only for {', '.join(sorted(more))}, which the index could hold.",
            evidence=f"#{node.number}: {index.name} holds ({', '.join(index.columns)})",
            fix=new_index(examined, node, index.keys, tuple(sorted(more))),
            gain=examined.plan.share(node) / 2,
        )


def _index(examined: Examined, node: PlanNode) -> Index | None:
    name = node.index or next((child.index for child in node.children if child.type == "Bitmap Index Scan"), "")
    return next((one for one in examined.indexes(table_of(node)) if one.name == name and not one.predicate), None)


def _columns(examined: Examined, node: PlanNode) -> set[str]:
    """The columns of the scan's table that the rest of the plan, or its own filter, speaks of.

    Not its own output: where it costs nothing a scan hands up whole rows.
    """
    known = {column for table, column in examined.columns if table == table_of(node)}
    below = {one.number for one in node.walk()}
    others = [one for one in examined.plan.nodes() if one.number not in below] or [node]
    texts = [text for one in others for text in (*one.outputs, *(condition.text for condition in one.conditions))]
    words = set(re.findall(r"\w+", " ".join((*texts, node.condition("Filter")))))
    return known & words
