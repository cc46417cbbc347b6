"""An index is written far more often than it is read.

Worth a look at the few queries that use it: they may do without, or with a partial index.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H103", severity="info", form="project")
DAYS, FEW_SCANS, MANY_WRITES, LEAST = 7, 1_000, 10_000, 10 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    if health.server.counted_days < DAYS:
        return
    for index in health.indexes:
        written = health.table(index.table).written
        if index.constrains or index.serves_key or index.size < LEAST or not 0 < index.scans < FEW_SCANS:
            continue
        if written >= MANY_WRITES and written > 100 * index.scans:
            yield RULE.found(
                subject=index.identity,
                message=f"{index.identity} ({megabytes(index.size)}) is used {index.scans:,} times while {written:,} rows were written.",
                evidence=f"observed: counters of {health.server.counted_days:.0f} days",
            )
