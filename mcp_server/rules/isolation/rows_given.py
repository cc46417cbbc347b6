"""Rows can be written that belong to other users, past the policies.

WITH CHECK says which rows may be written. Where a policy for INSERT or UPDATE leaves it open, a user puts rows among those of
others, or gives their own away, and the others read them as theirs.
https://www.postgresql.org/docs/current/sql-createpolicy.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.rules.isolation.got_through import by_which, cause, seen, told

RULE = Rule(code="I323", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for table, attempts in told(attack, "insert", "give away", "copy in"):
        yield RULE.found(
            subject=table,
            message=f"A user writes rows of {table} that belong to others by {by_which(attempts)}. {cause(attack, table, attempts)}",
            evidence=seen(attack, attempts),
            fix="-- check_isolation with policies=show writes a policy whose WITH CHECK holds",
        )
