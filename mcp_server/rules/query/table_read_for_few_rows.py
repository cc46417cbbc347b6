"""A whole table is read, and nearly all of its rows are thrown away.

An index on the columns of the condition finds the rows that are wanted without looking at the others. It is worth its
place where few rows are kept; above a tenth or so of a table, reading all of it is quicker.
https://www.postgresql.org/docs/current/indexes-intro.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import index_columns, is_selective, kept, looked_at, new_index, saving, sorts_of

RULE = Rule(
    code="F101",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select title from task where owner_id = 42",
    good=(
        "create index on task (owner_id); select title from task where owner_id = 42",
        "select title from task where size >= 500",
        "select name from owner where city = 'city 7'",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        if not is_selective(examined, node) or (node.actual and node.actual.loops >= 100):
            continue
        keys = index_columns(examined, node, examined.of_node(node, "Filter"), sorts_of(examined, node))
        fix = new_index(examined, node, keys)
        if fix and index_columns(examined, node, examined.of_node(node, "Filter")):
            yield RULE.found(
                subject=table_of(node),
                message=f"{table_of(node)} is read whole, {looked_at(examined, node):,.0f} rows, for {kept(examined, node):.1%} of them.",
                evidence=f"#{node.number}: {node.condition('Filter')}",
                fix=fix,
                gain=saving(examined, node),
            )
