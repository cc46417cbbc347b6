"""A statement runs for more than a minute.

It holds its locks and its snapshot as long: others may wait behind it, and vacuum keeps the rows that it could see.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H503", severity="info", form="project")
SECONDS = 60


def check(health: Health) -> Iterator[Finding]:
    for session in health.sessions:
        running = session.statement_seconds or 0
        if session.state == "active" and running >= SECONDS:
            yield RULE.found(
                subject=f"session {session.pid}",
                message=f"Session {session.pid} ({session.application or session.role or 'unknown'}) runs one statement for {running:,.0f} s.",
                evidence=f"observed: {session.statement or 'the statement is not shown to this role'}",
            )
