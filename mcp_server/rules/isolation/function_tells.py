"""A function tells of other users' rows, or changes them.

SECURITY DEFINER runs it as the role that owns it, which policies mostly do not hold, and everybody may call a new function.
Let it run as its caller, ask in it for the user of the session, or take EXECUTE from PUBLIC.
https://www.postgresql.org/docs/current/sql-createfunction.html#SQL-CREATEFUNCTION-SECURITY
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.rules.isolation.got_through import seen, told

RULE = Rule(code="I326", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for target, attempts in told(attack, "function"):
        changes = any("changes" in one.detail for one in attempts)
        yield RULE.found(
            subject=target,
            message=f"{target} {'changes the rows' if changes else 'answers with what is'} of other users: it passes the policies.",
            evidence=seen(attack, attempts),
            fix=f"alter routine {target} security invoker;",
        )
