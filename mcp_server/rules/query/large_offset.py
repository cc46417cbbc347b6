"""A page is found by counting through all that come before it.

OFFSET reads every row that it skips, so each page costs more than the one before. Ask for the rows behind the last one that
was shown instead (keyset paging): the cost stays that of the first page, and rows that come or go meanwhile shift nothing.
https://www.postgresql.org/docs/current/queries-limit.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS
from mcp_server.rules.shares import rows_of, with_all_below

MANY = 1_000
RULE = Rule(
    code="F129",
    severity="warning",
    form="query",
    given=TASKS,
    bad="select id, title from task order by id limit 20 offset 20000",
    good=(
        "select id, title from task where id > 20000 order by id limit 20",
        "select id, title from task order by id limit 20 offset 40",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    plan = examined.plan
    for node in plan.nodes():
        if node.type != "Limit" or not examined.asked.offset or not plan.analyzed:
            continue
        read, returned = rows_of(plan, node.children[0]), rows_of(plan, node)
        if read < max(MANY, 10 * returned):
            continue
        yield RULE.found(
            subject="OFFSET",
            message=f"{read - returned:,.0f} rows are read and skipped for a page of {returned:,.0f}. Page by key, as shown under Paging.",
            evidence=f"#{node.number}: offset {examined.asked.offset}",
            gain=with_all_below(plan, node.children[0]) * (1 - returned / read),
        )
