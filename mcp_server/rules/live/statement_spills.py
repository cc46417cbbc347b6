"""A statement writes temporary files: its sort or hash does not fit into work_mem.

An index that gives the order, fewer columns, or more work_mem for this one transaction cure it.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, brief, megabytes

RULE = Rule(code="H706", severity="info", form="project")
BLOCKS_A_CALL, CALLS = 128, 10


def check(health: Health) -> Iterator[Finding]:
    for statement in health.statements:
        if statement.calls >= CALLS and statement.spilled >= BLOCKS_A_CALL * statement.calls:
            yield RULE.found(
                subject=brief(statement.query),
                message=f"Each of {statement.calls:,} calls writes {megabytes(statement.spilled / statement.calls * 8192)} of temporary files.",
                evidence=f"observed: pg_stat_statements: {brief(statement.query, 300)}",
            )
