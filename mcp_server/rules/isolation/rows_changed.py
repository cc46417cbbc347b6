"""The rows of other users can be changed, taken over or removed past the policies.

An UPDATE without WHERE reads nothing, so that policies for reading do not hold it back: the policy for its own command must.
No policy is asked about TRUNCATE: a role that serves users must not have that privilege.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.model.names import quote
from mcp_server.rules.isolation.got_through import by_which, cause, seen, told

RULE = Rule(code="I322", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for table, attempts in told(attack, "update", "take", "upsert", "delete", "truncate"):
        emptied = [one for one in attempts if one.door == "truncate"]
        why = "The role has TRUNCATE." if len(emptied) == len(attempts) else cause(attack, table, attempts)
        roles = ", ".join(dict.fromkeys(quote(one.role) for one in emptied if one.role)) or "<the application's role>"
        yield RULE.found(
            subject=table,
            message=f"A user changes or removes other users' rows of {table} by {by_which(attempts)}. {why}",
            evidence=seen(attack, attempts),
            fix=f"revoke truncate on {table} from {roles};"
            if len(emptied) == len(attempts)
            else "-- check_isolation with policies=show writes a policy that holds",
        )
