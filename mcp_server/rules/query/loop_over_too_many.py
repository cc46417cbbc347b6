"""A nested loop was chosen for a few rows and got many thousands.

Looking up row by row is the quickest way for few rows and the slowest for many. The cause is the wrong estimate below it;
whether another join would be quicker shows a run with enable_nestloop = off, which is a test and no cure.
https://www.postgresql.org/docs/current/runtime-config-query.html#GUC-ENABLE-NESTLOOP
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import with_all_below

FEW, MANY = 100, 5_000
RULE = Rule(
    code="F135",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select count(*) from task t join owner o on o.id = t.owner_id where t.size + 0 = t.size and t.id + 0 = t.id",
    good=(
        "select count(*) from task t join owner o on o.id = t.owner_id where t.size < 900",
        "select count(*) from task t join owner o on o.id = t.owner_id where t.id < 20",
    ),
    beside=("F134", "F103"),
)


def check(examined: Examined) -> Iterator[Finding]:
    for node in examined.scans("Nested Loop"):
        outer = next((child for child in node.children if child.parent == "Outer"), None)
        if outer is None or outer.expected > FEW or outer.rows < MANY or with_all_below(examined.plan, node) < 0.1:
            continue
        yield RULE.found(
            subject=outer.relation or outer.type,
            message=f"A nested loop was chosen for {outer.expected:,.0f} rows and ran {outer.rows:,.0f} times. Cure the estimate; the SET below only tests what another join would take.",
            evidence=f"#{node.number}: over #{outer.number}",
            fix="set enable_nestloop = off;",
            gain=with_all_below(examined.plan, node) / 2,
        )
