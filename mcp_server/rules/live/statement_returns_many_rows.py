"""A statement hands ten thousand rows and more to its caller, each time.

Few pages of an application need them all: page by key, or let the database count and sum.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, brief

RULE = Rule(code="H705", severity="info", form="project")
ROWS, CALLS = 10_000, 10


def check(health: Health) -> Iterator[Finding]:
    for statement in health.statements:
        if statement.calls >= CALLS and statement.rows >= ROWS * statement.calls and _reads(statement.query):
            yield RULE.found(
                subject=brief(statement.query),
                message=f"Each of {statement.calls:,} calls returns {statement.rows / statement.calls:,.0f} rows.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )


def _reads(query: str) -> bool:
    return query.lstrip().lower().startswith(("select", "with", "table", "values"))
