"""The application's role passes all policies.

A superuser, and a role with BYPASSRLS, is never asked by a policy, not by a forced one either: all row security is without
effect for it. Every role that Neon's console or API makes has BYPASSRLS. Make one by SQL that has not, and let the application
connect as that one. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.model.names import quote

RULE = Rule(code="I328", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for one in attack.passing:
        what = "The database URL connects as" if one.used else "The schema grants its tables to"
        yield RULE.found(
            subject=one.role,
            message=f"{what} {one.role}, which {one.why}: no policy holds it back.",
            evidence="observed in pg_roles",
            fix=f"alter role {quote(one.role)} nobypassrls;"
            if one.why == "has BYPASSRLS" and not one.used
            else "create role app login nosuperuser nobypassrls password '...'; -- grant it the tables, and connect as it",
        )
