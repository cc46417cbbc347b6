"""A join compares rows with rows by the million and throws nearly all pairs away.

Only equality lets rows be hashed or looked up. Alternatives in a join's condition are better asked as two joins put together
by UNION; a range wants an index on the inner side.
https://www.postgresql.org/docs/current/planner-optimizer.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

MANY = 100_000
RULE = Rule(
    code="F138",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select count(*) from owner o join task t on t.owner_id = o.id or t.title = o.name where o.id <= 60",
    good=(
        "select count(*) from (select o.id, t.id from owner o join task t on t.owner_id = o.id where o.id <= 60"
        " union select o.id, t.id from owner o join task t on t.title = o.name where o.id <= 60) x",
        "select count(*) from owner o join task t on t.owner_id = o.id and t.size > o.id where o.id <= 60",
    ),
    beside=("F134",),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Nested Loop", "Merge Join", "Hash Join"):
        thrown = dict(node.removed).get("Join Filter", 0) * (node.actual.loops if node.actual else 0)
        if thrown < max(MANY, 100 * node.rows) or with_all_below(examined.plan, node) < 0.1:
            continue
        yield RULE.found(
            subject=" with ".join(_tables(node)) or node.type,
            message=f"{thrown:,.0f} pairs of rows were compared and thrown away. {_action(examined, node)}",
            evidence=f"#{node.number}: {node.condition('Join Filter')}",
            gain=with_all_below(examined.plan, node) * 0.9,
        )


def _tables(node: PlanNode) -> tuple[str, ...]:
    return tuple(dict.fromkeys(below.relation for below in node.walk() if below.relation))[:2]


def _action(examined: Examined, node: PlanNode) -> str:
    if any(one.operator == "or" for one in examined.of_node(node, "Join Filter")):
        return "Ask each alternative as a join of its own, and put them together by UNION."
    return "Join on equality, or give the inner side an index on the column that is compared."
