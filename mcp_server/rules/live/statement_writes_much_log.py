"""Each call of a statement writes much write-ahead log, which goes to disk, to every replica and into the archive.

Indexes on the columns that change, wide rows that are written anew for one column, and whole pages after each checkpoint make
it so. Change fewer rows or columns a call, drop indexes that nobody asks, and let checkpoints be further apart.
https://www.postgresql.org/docs/current/wal-configuration.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, brief, megabytes

RULE = Rule(code="H708", severity="info", form="project")
A_CALL, IN_ALL = MEGABYTE, 1024 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    for statement in health.statements:
        if statement.log_bytes >= max(IN_ALL, A_CALL * statement.calls):
            yield RULE.found(
                subject=brief(statement.query),
                message=f"Each of {statement.calls:,} calls writes {megabytes(statement.log_bytes / max(statement.calls, 1))} of write-ahead log, {megabytes(statement.log_bytes)} in all.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )
