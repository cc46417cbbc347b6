"""The request's body decides whose a row is.

A class for input that has the owner's field, spread over a row, lets a user write rows for others or take theirs. Leave the field
out of the class, and set the owner from the authenticated user.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, subject, way

RULE = Rule(code="I205", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "body"):
        yield RULE.found(
            subject=subject(one),
            message=f"What the request brings decides whose the row of {one.model} is: {one.detail}.",
            evidence=way(one),
            fix="leave the owner out of the class for input, and set it: user_id=current_user.id",
            place=str(one.span),
        )
