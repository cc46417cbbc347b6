"""A quick statement by one key is called so often that it looks like a loop in the application (N+1).

`selectinload`, or one query with `in (...)`, does it in one call. `dbarch.watch()` names the line in your tests.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, brief

RULE = Rule(code="H707", severity="warning", form="project")
A_SECOND, LEAST, MEAN_MS = 100, 100_000, 1


def check(health: Health) -> Iterator[Finding]:
    days = health.statements_days if health.statements_days is not None else health.server.counted_days
    for statement in health.statements:
        rate = statement.calls / max(days * 86_400, 1)
        if statement.calls >= LEAST and rate >= A_SECOND and statement.mean < MEAN_MS and _by_one_key(statement.query):
            yield RULE.found(
                subject=brief(statement.query),
                message=f"{statement.calls:,} calls, {rate:,.0f} a second, each for one key.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )


def _by_one_key(query: str) -> bool:
    _, where, condition = " ".join(query.lower().split()).partition(" where ")
    return bool(where) and " = $" in condition and " and " not in condition and " in (" not in condition
