"""The last WAL file could not be archived: backups have a gap, and the disk fills.

The server keeps every file that is not archived, so the disk fills while nobody looks at it.
https://www.postgresql.org/docs/current/continuous-archiving.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H603", severity="error", form="project")


def check(health: Health) -> Iterator[Finding]:
    if health.server.archiving_fails:
        yield RULE.found(
            subject="the server",
            message="The last attempt to archive WAL failed.",
            evidence="observed: pg_stat_archiver.last_failed_time is later than last_archived_time",
        )
