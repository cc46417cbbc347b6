"""Nothing has read a table for weeks, and nothing has written it.

It may be left over. Ask before it goes: a backup, a yearly report or a standby may be its reader.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H206", severity="info", form="project")
DAYS, LEAST = 30, MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    if health.server.counted_days < DAYS or health.server.standby:
        return
    for table in health.tables:
        if table.size >= LEAST and not (table.scans or table.index_scans or table.written):
            yield RULE.found(
                subject=table.identity,
                message=f"{table.identity} ({megabytes(table.size)}) was neither read nor written.",
                evidence=f"observed: all counters are 0 after {health.server.counted_days:.0f} days",
            )
