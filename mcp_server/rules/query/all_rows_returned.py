"""Ten thousand rows and more are returned at once.

Nobody reads so many: it takes memory in the server, on the wire and in the application. Return pages, or what is computed of
the rows.
https://www.postgresql.org/docs/current/queries-limit.html
"""

from collections.abc import Iterator

from mcp_server.model.examined import Examined
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.examples import TASKS

MANY = 10_000
RULE = Rule(
    code="F132",
    severity="info",
    form="query",
    given=TASKS,
    bad="select id, title from task where size > 10",
    good=(
        "select id, title from task where size > 10 limit 50",
        "select owner_id, count(*) from task group by owner_id",
    ),
)


def check(examined: Examined) -> Iterator[Finding]:
    rows = examined.plan.root.rows
    if examined.plan.analyzed and examined.kind == "select" and rows >= MANY:
        yield RULE.found(
            subject="the result",
            message=f"{rows:,.0f} rows are returned at once. Return a page of them (LIMIT), or what is computed of them.",
            evidence=f"#1: {rows:,.0f} rows of about {examined.plan.root.width} bytes",
        )
