"""The planner expected far more or far fewer rows than there were, and built the plan upon that.

The lowest node that is wrong is the cause; what stands above it inherits the error. Old statistics are the first reason; the
second is columns that depend on each other, for which extended statistics are made.
https://www.postgresql.org/docs/current/planner-stats.html#PLANNER-STATS-EXTENDED
"""

from collections.abc import Iterator

from mcp_server.model.condition import Comparison
from mcp_server.model.examined import Examined, table_of
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.index_cures import plain_column
from mcp_server.rules.shares import with_all_below

_MADE = (
    "create table place (city int, country int, name text); insert into place select g % 200, g % 200, 'p ' || g from generate_series(1, 30000) g;"
    " create index on place (city);"
)
RULE = Rule(
    code="F134",
    severity="warning",
    form="query",
    given=TASKS,
    bad=f"{_MADE} analyze place; select count(*) from place p join owner o on o.id = p.city where p.city = 7 and p.country = 7 and p.name > 'a'",
    good=(
        f"{_MADE} create statistics on city, country from place; analyze place;"
        " select count(*) from place p join owner o on o.id = p.city where p.city = 7 and p.country = 7 and p.name > 'a'",
        "select count(*) from task t join owner o on o.id = t.owner_id where t.id < 500",
    ),
    beside=("F104",),
)


def check(examined: Examined) -> Iterator[Finding]:
    node = examined.plan.worst_misestimate
    if node is None or node.number == 1 or not (node.children or table_of(node)):
        return
    above = examined.parents()[node.number]
    table = table_of(node)
    yield RULE.found(
        subject=table or node.type,
        message=f"{node.expected:,.0f} rows were expected of {table or node.type} and {node.rows:,.0f} came, {node.misestimate:,.0f} times off. {_reason(examined, node)}",
        evidence=f"#{node.number}: {node.condition('Filter') or node.condition('Index Cond') or node.type}",
        fix=_fix(examined, node),
        gain=with_all_below(examined.plan, above) / 4,
    )


def _reason(examined: Examined, node: PlanNode) -> str:
    if not table_of(node):
        return "It is the lowest place where the plan goes wrong; what is below it was judged rightly."
    if _stale(examined, node):
        return "Its statistics are old."
    return (
        "The columns of its condition depend on each other."
        if len(_columns(examined, node)) > 1
        else "Its statistics are too coarse."
    )


def _stale(examined: Examined, node: PlanNode) -> bool:
    pages = examined.pages.get(table_of(node))
    return pages is not None and pages.changed > 0.1 * max(examined.rows_of(node), 1)


def _columns(examined: Examined, node: PlanNode) -> tuple[str, ...]:
    comparisons: tuple[Comparison, ...] = examined.of_node(node, "Filter", "Index Cond", "Recheck Cond")
    names = (plain_column(examined, node, one.left) for one in comparisons if one.is_equality)
    return tuple(dict.fromkeys(filter(None, names)))


def _fix(examined: Examined, node: PlanNode) -> str:
    table, columns = table_of(node), _columns(examined, node)
    if not table:
        return ""
    known = all((table, name) in examined.columns and examined.statistics(table, name).width for name in columns)
    if len(columns) > 1 and known and not _stale(examined, node):
        return f"create statistics on {', '.join(map(quote, columns))} from {table}; analyze {table};"
    return f"analyze {table};"
