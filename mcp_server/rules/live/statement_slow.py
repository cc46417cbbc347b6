"""A statement that is called often takes long each time.

Twenty milliseconds a hundred times are little; but it is what users wait for. explain_query shows where they go.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, brief

RULE = Rule(code="H703", severity="info", form="project")
MEAN_MS, CALLS = 20, 100


def check(health: Health) -> Iterator[Finding]:
    for statement in health.statements:
        if statement.mean >= MEAN_MS and statement.calls >= CALLS:
            yield RULE.found(
                subject=brief(statement.query),
                message=f"{statement.calls:,} calls take {statement.mean:,.1f} ms each.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )
