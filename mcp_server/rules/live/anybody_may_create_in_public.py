"""Every role may create objects in schema public.

Whoever may log in can put a function or an operator there that others then call unknowingly. Databases that were made before
PostgreSQL 15 have this grant.
https://www.postgresql.org/docs/release/15.0/
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H803", severity="warning", form="project")


def check(health: Health) -> Iterator[Finding]:
    if health.server.public_may_create:
        yield RULE.found(
            subject="schema public",
            message="Every role may create objects in schema public.",
            evidence="observed: PUBLIC has CREATE on it",
            fix="revoke create on schema public from public;",
        )
