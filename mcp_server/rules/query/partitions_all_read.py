"""All partitions of a table are read, and hardly any has rows that fit.

Postgres leaves a partition out only when the condition compares the partition key itself with values that are known: not
inside of a function or a cast, and not a column that merely goes along with the key.
https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITION-PRUNING
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.query import PlanNode
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

MANY, FEW = 10, 0.2
_PARTS = "".join(
    f"create table visit_{n} partition of visit for values from ({n * 100}) to ({n * 100 + 100});" for n in range(12)
)
RULE = Rule(
    code="F114",
    severity="warning",
    form="query",
    given=TASKS + f"create table visit (day int, page text) partition by range (day); {_PARTS}"
    "insert into visit select g % 1200, 'page ' || g from generate_series(1, 24000) g; analyze visit;",
    bad="select page from visit where day + 0 between 110 and 111",
    good=("select page from visit where day between 110 and 111", "select page from visit where page > 'page 5'"),
    beside=("F121", "F117"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.plan.nodes():
        scans = [child for child in node.children if child.relation and child.executed]
        if node.type not in ("Append", "Merge Append") or len(scans) < MANY or not examined.asked.has_where:
            continue
        with_rows = [child for child in scans if child.rows]
        share = with_all_below(examined.plan, node)
        if not all(map(_filters, scans)) or len(with_rows) > FEW * len(scans) or share < 0.1:
            continue
        yield RULE.found(
            subject=scans[0].alias.rsplit("_", 1)[0] or scans[0].relation,
            message=f"{len(scans)} partitions are read, and {len(with_rows)} of them had rows that fit. Compare the partition key itself, without a function, a cast or arithmetic around it.",
            evidence=f"#{node.number}: {scans[0].condition('Filter')}",
            gain=share * (1 - max(len(with_rows), 1) / len(scans)),
        )


def _filters(node: PlanNode) -> bool:
    return bool(node.condition("Filter") or node.condition("Index Cond"))
