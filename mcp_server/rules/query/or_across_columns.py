"""Alternatives on several columns keep an index from being used, for one of them has none.

Postgres can look up each alternative by an index of its own and put the results together, but only when every alternative
has one; otherwise the whole table is read.
https://www.postgresql.org/docs/current/indexes-bitmap-scans.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import index_columns, is_selective, new_index, saving

RULE = Rule(
    code="F108",
    severity="warning",
    form="query",
    given=TASKS,
    bad="create index on task (owner_id); select title from task where owner_id = 42 or due = '2024-03-03'",
    good=(
        "create index on task (owner_id); create index on task (due); select title from task where owner_id = 42 or due = '2024-03-03'",
        "select name from owner where name = 'Owner 1' or city = 'city 1'",
        "create index on task (owner_id); select title from task where owner_id = 42 or owner_id = 43",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        for one in examined.of_node(node, "Filter"):
            if one.operator != "or" or not is_selective(examined, node):
                continue
            keys = [index_columns(examined, node, branch) for branch in one.branches]
            if not all(keys):
                continue
            fixes = dict.fromkeys(filter(None, (new_index(examined, node, key) for key in keys)))
            yield RULE.found(
                subject=table_of(node),
                message=f"{table_of(node)} is read whole, for not each of the alternatives has an index.",
                evidence=f"#{node.number}: {one.text}",
                fix=" ".join(fixes),
                gain=saving(examined, node),
            )
