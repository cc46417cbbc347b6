"""A relationship leads from rows that are everybody's to those of all users.

`tag.tasks` has the tasks of everybody who used the tag. Ask for them with the owner as a condition.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, gravity, owner, subject, way

RULE = Rule(code="I206", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "walk"):
        yield RULE.found(
            subject=subject(one),
            message=f"A relationship gives rows of {one.model} of all users: {one.detail}.",
            evidence=way(one),
            fix=f"select({one.model}).where({owner(accesses, one.model)}, ...)",
            place=str(one.span),
            severity=gravity(one),
        )
