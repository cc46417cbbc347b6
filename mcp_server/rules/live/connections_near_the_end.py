"""Nearly all connections that the server allows are taken.

The next ones are refused. A pooler, or smaller pools (workers x pool size), is the cure; a higher limit costs memory.
https://www.postgresql.org/docs/current/runtime-config-connection.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H501", severity="warning", form="project")
SHARE, FULL = 0.8, 0.95


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    taken = server.connections / max(server.max_connections, 1)
    if taken >= SHARE:
        yield RULE.found(
            subject="the server",
            message=f"{server.connections} of {server.max_connections} connections are taken.",
            evidence="observed: sessions of clients just now",
            severity="error" if taken >= FULL else "warning",
        )
