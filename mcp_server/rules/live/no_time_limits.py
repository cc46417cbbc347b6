"""Nothing ends a statement that runs for ever, or a transaction that somebody forgot.

One runaway query or one session left open in a debugger then holds locks, connections and dead rows until somebody notices.
https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H506", severity="info", form="project")
LIMITS = {"statement_timeout": "30s", "idle_in_transaction_session_timeout": "60s"}


def check(health: Health) -> Iterator[Finding]:
    missing = [name for name in LIMITS if health.server.number(name) == 0]
    if missing:
        yield RULE.found(
            subject=f"role {health.server.role}",
            message=f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} 0 for this role: there is no limit.",
            evidence="observed: the settings that a session of this role starts with",
            fix="\n".join(f"alter role current_user set {name} = '{LIMITS[name]}';" for name in missing),
        )
