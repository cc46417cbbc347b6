"""A standby or subscriber is more than a minute behind: what reads there sees the past.

A user who has just saved something may not find it there. Read what was just written from the primary.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H602", severity="warning", form="project")
SECONDS = 60


def check(health: Health) -> Iterator[Finding]:
    for replica in health.replicas:
        if (replica.lag_seconds or 0) >= SECONDS:
            yield RULE.found(
                subject=f"replica {replica.name}",
                message=f"{replica.name or 'A replica'} is {replica.lag_seconds:,.0f} s behind.",
                evidence="observed: replay_lag in pg_stat_replication",
            )
