"""A function of the application gives rows of another user.

It was called in the application's own interpreter on a throw-away copy, as one user: what it gave was different once the rows of
another user were gone, so it told of them, be it a row, a count or a line of an export. A function that is told no user cannot keep
them apart by itself, and whoever calls it has to: that is a warning.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.session_attack import SessionAttack
from mcp_server.rules.isolation.called import gravity, handed, named, observed, open_functions

RULE = Rule(code="I331", severity="error", form="project")


def check(attack: SessionAttack) -> Iterator[Finding]:
    for one in open_functions(attack):
        if one.read:
            yield RULE.found(
                subject=f"{one.function.name}: {named(one.read) or 'rows'} read",
                message=f"Called as one user{handed(one)}, it tells of another user's rows{f' of {named(one.read)}' if named(one.read) else ''}.",
                evidence=observed(attack, one),
                fix="# compare the owner in the statement: .where(<class>.<owner> == <the user's id>)",
                place=one.function.place,
                severity=gravity(one),
            )
