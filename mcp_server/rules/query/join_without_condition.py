"""Two tables are joined without a condition: every row of one with every row of the other.

Mostly a condition was forgotten, or names another table than was meant. Where the product is meant, `cross join` says so.
https://www.postgresql.org/docs/current/queries-table-expressions.html#QUERIES-JOIN
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import rows_of, with_all_below

MANY = 10_000
RULE = Rule(
    code="F139",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select count(*) from owner o, task t where o.id < 40 and t.size < 500",
    good=(
        "select count(*) from owner o, task t where o.id < 400 and t.size < 500 and t.owner_id = o.id",
        "select count(*) from owner o cross join task t where o.id < 40 and t.size < 500",
        "select count(*) from owner o, (select max(size) as most from task) t where o.id < t.most",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    if "cross join" in examined.sql.lower():
        return
    for node in examined.scans("Nested Loop"):
        if node.condition("Join Filter") or rows_of(examined.plan, node) < MANY:
            continue
        outer, inner = node.children[0], node.children[-1]
        each = inner.rows / inner.actual.loops if inner.actual and inner.actual.loops else inner.expected_rows
        if rows_of(examined.plan, outer) <= 1 or each <= 1 or _asks(inner, outer):
            continue
        yield RULE.found(
            subject=f"{_name(outer)} with {_name(inner)}",
            message=f"{_name(outer)} and {_name(inner)} are joined without a condition: {rows_of(examined.plan, node):,.0f} pairs. Say by which columns, or write `cross join`.",
            evidence=f"#{node.number}: Nested Loop without a condition",
            gain=with_all_below(examined.plan, node) * 0.9,
        )


def _asks(inner: PlanNode, outer: PlanNode) -> bool:
    """Whether anything on the inner side depends on a row of the outer one."""
    names = {f"{below.alias}." for below in outer.walk() if below.alias}
    texts = [condition.text for below in inner.walk() for condition in below.conditions]
    return any(name in text for name in names for text in texts) or any("$" in text for text in texts)


def _name(node: PlanNode) -> str:
    return next((below.alias or below.relation for below in node.walk() if below.relation), node.type)
