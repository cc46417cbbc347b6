"""More checkpoints are forced by the amount of WAL than come by the clock.

Each writes all changed pages, and the first change of a page afterwards writes it whole into the WAL.
https://www.postgresql.org/docs/current/wal-configuration.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H403", severity="info", form="project")
LEAST = 50


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    if (
        not server.neon
        and server.checkpoints_requested >= LEAST
        and server.checkpoints_requested > server.checkpoints_timed
    ):
        yield RULE.found(
            subject="the server",
            message=f"{server.checkpoints_requested:,} checkpoints were forced, {server.checkpoints_timed:,} came by the clock.",
            evidence="observed: the checkpointer's counters",
            fix="alter system set max_wal_size = '4GB'; select pg_reload_conf();",
        )
