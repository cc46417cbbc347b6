"""Sorts and hashes do not fit into work_mem and are written to disk.

More memory for the one transaction that sorts much is better than more for every session: `SET LOCAL work_mem`.
https://www.postgresql.org/docs/current/runtime-config-resource.html#GUC-WORK-MEM
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import MEGABYTE, Health, megabytes

RULE = Rule(code="H402", severity="info", form="project")
A_DAY = 1024 * MEGABYTE


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    if server.temp_bytes / max(server.counted_days, 1) < A_DAY:
        return
    memory = server.number("work_mem") or 0
    yield RULE.found(
        subject=f"database {server.database}",
        message=f"{server.temp_files:,} temporary files of {megabytes(server.temp_bytes)} were written; work_mem is {memory / 1024:.0f} MB.",
        evidence=f"observed: counters of {server.counted_days:.1f} days; the statements that spill are H706's",
    )
