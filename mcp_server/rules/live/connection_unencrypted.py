"""The connection to a server elsewhere is not encrypted: passwords and rows pass in the clear.

Whoever sits on the way can read and change everything. `sslmode=require` encrypts, `verify-full` also proves the server.
https://www.postgresql.org/docs/current/libpq-ssl.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H801", severity="error", form="project")


def check(health: Health) -> Iterator[Finding]:
    if health.server.remote and health.server.encrypted is False:
        yield RULE.found(
            subject="the connection",
            message="This connection to another machine is not encrypted.",
            evidence="observed: pg_stat_ssl.ssl is false for it",
            fix="Add sslmode=verify-full (at least require) to the URL.",
        )
