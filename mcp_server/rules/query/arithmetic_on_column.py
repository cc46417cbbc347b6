"""A condition computes with a column before it compares, so that an index on the column is of no use.

Bring the arithmetic to the other side, where it is done once: `size > $1 - 10` instead of `size + 10 > $1`.
https://www.postgresql.org/docs/current/indexes-expressional.html
"""

from collections.abc import Iterator

from mcp_server.model.condition import leaves
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import is_selective, saving

RULE = Rule(
    code="F121",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select title from task where id + 1 = 500",
    good=("select title from task where id = 500 - 1", "select title from task where id + 1 > 500 and size * 2 > 10"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Seq Scan"):
        for one in leaves(examined.of_node(node, "Filter")):
            computes = one.left.shape == "arithmetic" and one.left.column and (one.is_equality or one.is_range)
            if computes and one.by_value and is_selective(examined, node):
                yield RULE.found(
                    subject=f"{table_of(node)}.{one.left.column}",
                    message=f"{one.left.column} is computed with before it is compared. Bring the `{one.left.word}` to the other side.",
                    evidence=f"#{node.number}: {one.text}",
                    gain=saving(examined, node),
                )
