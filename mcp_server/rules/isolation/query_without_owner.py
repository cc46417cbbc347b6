"""A query for rows of users that no condition keeps to one user.

Whoever knows or guesses an id, or just asks for the list, reads what belongs to others. Compare the owner in the statement, or
compare the row's owner before anything is done with it; the id of the row alone is no secret.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, gravity, owner, subject, way

RULE = Rule(code="I201", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "unscoped", "select"):
        yield RULE.found(
            subject=subject(one),
            message=f"Rows of {one.model} are read whoever owns them{f' ({one.detail})' if one.detail else ''}.",
            evidence=way(one),
            fix=f".where({owner(accesses, one.model)})",
            place=str(one.span),
            severity=gravity(one),
        )
