"""A statement is quick for some values and slow for others.

One plan does not fit all of them, or the data is skewed. explain_query with the values of a slow call shows it.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, brief

RULE = Rule(code="H704", severity="info", form="project")
TIMES, MEAN_MS, CALLS = 5, 5, 100


def check(health: Health) -> Iterator[Finding]:
    for statement in health.statements:
        if statement.calls >= CALLS and statement.mean >= MEAN_MS and statement.deviation >= TIMES * statement.mean:
            yield RULE.found(
                subject=brief(statement.query),
                message=f"Its {statement.calls:,} calls take {statement.mean:,.1f} ms on average, with a deviation of {statement.deviation:,.0f} ms.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )
