"""Much of what queries read does not come from Postgres's own memory.

The operating system may still have had it. On Neon this says nothing: its local file cache stands between.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, megabytes

RULE = Rule(code="H401", severity="info", form="project")
SHARE, LEAST = 0.95, 1_000_000


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    total = server.hits + server.reads
    if server.neon or total < LEAST or server.hits >= SHARE * total:
        return
    yield RULE.found(
        subject=f"database {server.database}",
        message=f"{server.hits / total:.1%} of the pages came from shared_buffers; {server.reads:,} did not.",
        evidence=f"observed: counters of {server.counted_days:.1f} days, a database of {megabytes(server.size)}",
    )
