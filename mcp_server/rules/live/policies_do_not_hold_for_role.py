"""Row-level security is there, and the role that connects passes it by.

Roles that Neon's console and API make, neondb_owner first, have BYPASSRLS: with them a test of policies passes whatever they say, and
so does an attacker. Connect as a role made by SQL, which gets nothing but what is granted to it.
https://neon.com/docs/manage/roles
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H906", severity="warning", form="project")


def check(use: NeonUse) -> Iterator[Finding]:
    if use.bypasses_row_security and use.row_security_tables:
        yield RULE.found(
            subject=f"role {use.role}",
            message=f"{use.role} has BYPASSRLS: the policies of {use.row_security_tables} tables do not hold for it, and tests with it prove nothing.",
            evidence="observed: the role of the URL that is configured here",
            fix="create role app login password '...'; then grant it what the application needs; check_isolation tries the policies",
        )
