"""A function of the application changes, removes or adds rows of another user.

It was called in the application's own interpreter on a throw-away copy, as one user, in a transaction that was rolled back; the rows
of another user were not the same afterwards. That covers a row that is made in another's name or hung on another's, and one that
changes hands. A function that is told no user cannot keep them apart by itself, and whoever calls it has to: that is a warning.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.session_attack import SessionAttack
from mcp_server.rules.isolation.called import became, gravity, handed, observed, open_functions

RULE = Rule(code="I332", severity="error", form="project")


def check(attack: SessionAttack) -> Iterator[Finding]:
    for one in open_functions(attack):
        if one.changes:
            yield RULE.found(
                subject=f"{one.function.name}: {became(one)}",
                message=f"Called as one user{handed(one)}, it acts on another user's rows: {became(one)}.",
                evidence=observed(attack, one),
                fix="# look for the row with its owner before it is changed, and take the owner from the user, never from the body",
                place=one.function.place,
                severity=gravity(one),
            )
