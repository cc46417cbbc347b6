"""A sequence tells how many rows all users together have made.

Who may SELECT from a sequence reads its last value, and by it how fast others work and which ids exist. USAGE is enough for
inserts.
https://www.postgresql.org/docs/current/sql-grant.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.model.names import quote
from mcp_server.rules.isolation.got_through import seen, told

RULE = Rule(code="I327", severity="warning", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for target, attempts in told(attack, "sequence"):
        roles = ", ".join(dict.fromkeys(quote(one.role) for one in attempts if one.role)) or "<the application's role>"
        yield RULE.found(
            subject=target,
            message=f"The last value of {target} can be read: it tells how many rows all users made.",
            evidence=seen(attack, attempts),
            fix=f"revoke select on sequence {target} from {roles};",
        )
