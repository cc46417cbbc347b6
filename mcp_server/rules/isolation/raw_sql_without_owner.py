"""SQL as a text reaches rows of users and compares no owner.

No class stands for the table there, and whoever adds a filter elsewhere does not find it.
"""

from collections.abc import Iterator

from mcp_server.model.code_scope import Accesses
from mcp_server.model.finding import Finding, Rule
from mcp_server.rules.isolation.reached import found, gravity, owner, subject, way

RULE = Rule(code="I207", severity="error", form="project")


def check(accesses: Accesses) -> Iterator[Finding]:
    for one in found(accesses, "raw"):
        yield RULE.found(
            subject=subject(one),
            message=f"SQL in a text reaches rows of {one.model} whoever owns them.",
            evidence=f"{way(one)}: {one.detail}",
            fix=f"... where {owner(accesses, one.model)}",
            place=str(one.span),
            severity=gravity(one),
        )
