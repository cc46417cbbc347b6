"""A session waits for a lock that another one holds.

Whoever asks for the same table after it waits behind it, readers among them, when it wants a strong lock.
https://www.postgresql.org/docs/current/explicit-locking.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health, SessionHealth

RULE = Rule(code="H504", severity="error", form="project")


def check(health: Health) -> Iterator[Finding]:
    for session in health.sessions:
        if not session.blocked_by:
            continue
        known = {other.pid: other for other in health.sessions}
        holders = ", ".join(_holder(pid, known) for pid in session.blocked_by)
        yield RULE.found(
            subject=f"session {session.pid}",
            message=f"Session {session.pid} waits for a lock since {session.statement_seconds or 0:,.0f} s, behind {holders}.",
            evidence=f"observed: it wants to run: {session.statement or 'not shown to this role'}",
            fix=f"select pg_cancel_backend({session.blocked_by[0]});",
        )


def _holder(pid: int, known: dict[int, SessionHealth]) -> str:
    holder = known.get(pid)
    if holder is None:
        return f"session {pid}"
    return f"session {pid} ({holder.application or holder.role or 'unknown'}, {holder.state or 'state not shown'})"
