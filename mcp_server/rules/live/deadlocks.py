"""Transactions deadlock: they lock the same rows or tables in different orders.

Postgres ends one of each pair. Lock in one order (by key), and retry what was ended.
https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-DEADLOCKS
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H507", severity="warning", form="project")
A_DAY = 1


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    if server.deadlocks and server.deadlocks >= A_DAY * server.counted_days:
        yield RULE.found(
            subject=f"database {server.database}",
            message=f"{server.deadlocks:,} deadlocks in {server.counted_days:.1f} days.",
            evidence="observed: the database's counters; the server's log names the statements",
        )
