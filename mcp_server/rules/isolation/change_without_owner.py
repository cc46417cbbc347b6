"""An UPDATE or DELETE of rows of users that no condition keeps to one user.

With another id it changes or removes what belongs to others, and in one statement it may be all of it.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, gravity, owner, subject, way

RULE = Rule(code="I202", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "unscoped", "update", "delete"):
        yield RULE.found(
            subject=subject(one),
            message=f"Rows of {one.model} are changed or removed whoever owns them{f' ({one.detail})' if one.detail else ''}.",
            evidence=way(one),
            fix=f".where({owner(accesses, one.model)})",
            place=str(one.span),
            severity=gravity(one),
        )
