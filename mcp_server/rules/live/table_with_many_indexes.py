"""A table that is written often carries many indexes, or more bytes of them than twice its own.

Each INSERT writes every one of them, and each UPDATE of an indexed column, too.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H108", severity="info", form="project")
MANY, TIMES, WRITTEN, LEAST = 10, 2, 10_000, 100 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    for table in health.tables:
        heavy = table.index_size > TIMES * table.size and table.index_size >= LEAST
        if table.written >= WRITTEN and (table.indexes > MANY or heavy):
            yield RULE.found(
                subject=table.identity,
                message=f"{table.identity} has {table.indexes} indexes of {megabytes(table.index_size)} beside {megabytes(table.size)} of rows.",
                evidence=f"observed: {table.written:,} rows written in {health.server.counted_days:.0f} days of counting",
            )
