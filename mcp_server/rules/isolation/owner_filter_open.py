"""The owner's filter is there, and a way leads around it.

It stands on one side of an OR, in the condition of an outer join, or only in some branch: then the rows of others come along.
Where that is meant, as for rows that their owner made public, keep such queries in a function of their own that says so.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, gravity, owner, subject, way

RULE = Rule(code="I204", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "opened"):
        yield RULE.found(
            subject=subject(one),
            message=f"The owner's filter of {one.model} does not always hold: it is one side of an or_, of an outer join, or of a branch.",
            evidence=way(one),
            fix=f".where({owner(accesses, one.model)}) beside the other conditions, in every branch",
            place=str(one.span),
            severity=gravity(one),
        )
