"""The application's role may do more than an application needs.

A superuser, or a role with BYPASSRLS, is stopped by no policy: row-level security does not hold for it.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.health import Health

RULE = Rule(code="H802", severity="warning", form="project")


def check(health: Health) -> Iterator[Finding]:
    server = health.server
    if server.superuser:
        power = "is a superuser"
    elif server.bypasses_row_security:
        power = "bypasses row-level security (BYPASSRLS)"
    else:
        return
    held = (
        f"; the policies of {server.row_security_tables} tables do not hold for it"
        if server.row_security_tables
        else ""
    )
    yield RULE.found(
        subject=f"role {server.role}",
        message=f"{server.role} {power}{held}.",
        evidence="observed: the role of the URL that is configured here",
        fix="create role app login;  -- with a password, and only the grants that the application needs",
        severity="warning" if server.row_security_tables else "info",
    )
