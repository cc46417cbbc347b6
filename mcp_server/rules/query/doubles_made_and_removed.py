"""A join multiplies rows, and DISTINCT throws the doubles away again.

Where a table is joined only to see whether a fitting row exists, EXISTS stops at the first one and makes no doubles.
https://www.postgresql.org/docs/current/functions-subquery.html#FUNCTIONS-SUBQUERY-EXISTS
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import rows_of, with_all_below

RULE = Rule(
    code="F142",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select distinct o.id, o.name from owner o join task t on t.owner_id = o.id",
    good=(
        "select o.id, o.name from owner o where exists (select from task t where t.owner_id = o.id)",
        "select distinct city from owner",
    ),
)
_JOINS = ("Nested Loop", "Hash Join", "Merge Join")


def check(examined: Examined) -> Iterator[Finding]:
    if not examined.asked.distinct:
        return
    plan = examined.plan
    for node in examined.scans("Unique", "Aggregate"):
        below = [one for child in node.children for one in child.walk() if one.type in _JOINS]
        made = rows_of(plan, below[0]) if below else 0
        if made < 10_000 or made < 5 * rows_of(plan, node):
            continue
        yield RULE.found(
            subject="DISTINCT",
            message=f"A join makes {made:,.0f} rows, and DISTINCT leaves {rows_of(plan, node):,.0f}. Ask with `where exists (…)` for what is joined only to be there.",
            evidence=f"#{node.number} over #{below[0].number}",
            gain=with_all_below(plan, node) / 2,
        )
        return
