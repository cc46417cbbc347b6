"""The user is who the request says.

An id in the path, the query, a header or the body is chosen by whoever sends it: with another one it gives another user's rows.
Take the user from what was authenticated, or compare the two and refuse.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, subject, way

RULE = Rule(code="I203", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "request"):
        yield RULE.found(
            subject=subject(one),
            message=f"Whose rows of {one.model} are reached is what the request says: {one.detail}.",
            evidence=way(one),
            fix="compare it with the authenticated user first: if user_id != current_user.id: raise HTTPException(status_code=403)",
            place=str(one.span),
        )
