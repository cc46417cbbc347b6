"""One statement takes a third of all time and more.

It is the first to look at: explain_query shows where the time goes, recommend_indexes what would serve it.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, brief

RULE = Rule(code="H702", severity="warning", form="project")
SHARE, LEAST_MS = 0.33, 1_000


def check(health: Health) -> Iterator[Finding]:
    for statement in health.statements:
        if statement.share >= SHARE and statement.total >= LEAST_MS:
            yield RULE.found(
                subject=brief(statement.query),
                message=f"One statement takes {statement.share:.0%} of all time: {statement.calls:,} calls of {statement.mean:,.1f} ms.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )
