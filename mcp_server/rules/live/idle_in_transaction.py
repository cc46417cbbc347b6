"""A session keeps a transaction open and does nothing in it.

Its locks stay, and vacuum may remove no row that it could still see. Often a request that awaits something else inside
`session.begin()`.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H502", severity="warning", form="project")
SECONDS = 60


def check(health: Health) -> Iterator[Finding]:
    for session in health.sessions:
        idle = session.state_seconds or 0
        if not session.state.startswith("idle in transaction") or idle < SECONDS:
            continue
        yield RULE.found(
            subject=f"session {session.pid}",
            message=f"Session {session.pid} ({session.application or session.role or 'unknown'}) is idle in a transaction for {idle:,.0f} s.",
            evidence=f"observed: its last statement: {session.statement or 'not shown to this role'}",
            fix="alter role current_user set idle_in_transaction_session_timeout = '60s';",
        )
