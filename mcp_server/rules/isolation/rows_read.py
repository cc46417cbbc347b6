"""The rows of other users can be read past the policies.

On a copy, a user who owns none of them asked for all rows and got some. A policy is open, is joined by OR with one that is, or
does not hold because no user was set: a policy must refuse everybody then.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.rules.isolation.got_through import by_which, cause, seen, told

RULE = Rule(code="I321", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for table, attempts in told(attack, "read", "read without a user", "copy out"):
        yield RULE.found(
            subject=table,
            message=f"A user reads other users' rows of {table} by {by_which(attempts)}. {cause(attack, table, attempts)}",
            evidence=seen(attack, attempts),
            fix="-- check_isolation with policies=show writes a policy that holds",
        )
