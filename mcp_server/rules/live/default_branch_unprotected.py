"""The branch of the database in use is not protected.

A protected branch can be neither deleted nor reset, and its computes can be kept to trusted addresses. One call with a wrong id is then
no outage. Paid plans have some.
https://neon.com/docs/guides/protected-branches
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H910", severity="warning", form="project")


def check(use: NeonUse) -> Iterator[Finding]:
    if use.branch is None or use.branch.protected or not use.branch.default:
        return
    if use.plan is not None and use.plan.name.startswith("free"):
        return
    yield RULE.found(
        subject=f"branch {use.branch.name}",
        message=f"{use.branch.name}, the default branch, may be deleted or reset by anybody with a key.",
        evidence="observed: protected is false",
        fix="set the branch as protected in the Neon console",
    )
