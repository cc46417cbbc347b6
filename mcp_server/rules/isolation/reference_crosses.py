"""A row can be hung on another user's row, past the policies.

Foreign keys are checked past row security, as Postgres must: that the other row cannot be seen does not matter. A user learns
that it exists, and has a row below it. Ask for the other row in WITH CHECK, or let the key take the owner along.
https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Attack
from mcp_server.model.schema import Constraint
from mcp_server.rules.isolation.got_through import seen, told

RULE = Rule(code="I324", severity="error", form="project")


def check(attack: Attack) -> Iterator[Finding]:
    for target, attempts in told(attack, "refer"):
        key = attack.ownership.schema.get(Constraint, target)
        where = f"of {key.table} to another user's row of {key.references}" if key else "to another user's"
        yield RULE.found(
            subject=target,
            message=f"A user hangs a row {where}: the foreign key does not ask whose it is, and no policy does.",
            evidence=seen(attack, attempts),
            fix="-- check_isolation with policies=show writes a policy that asks; or take the owner into the foreign key",
        )
