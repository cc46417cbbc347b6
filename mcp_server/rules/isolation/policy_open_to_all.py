"""A policy is true for every row.

Policies are joined by OR: one that is true makes all others of its command pointless. With `with check (true)` a user writes
rows for others, or gives their own away.
https://www.postgresql.org/docs/current/sql-createpolicy.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.schema import Policy
from mcp_server.rules.isolation.table_without_row_security import GIVEN, GUARD, TASK

RULE = Rule(
    code="I303",
    severity="error",
    given=GIVEN,
    bad=TASK + GUARD.format("task") + "create policy reading on task for select using (true);",
    good=(TASK + GUARD.format("task") + "create policy sure on task as restrictive for select using (true);",),
)
_TRUE = ("true", "(true)", "(1 = 1)")


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.owned:
        for name in (one.table, *owned.parts(one.table)):
            for policy in owned.schema.on(name, Policy):
                clauses = [
                    word for word, text in (("using", policy.using), ("with check", policy.check)) if text in _TRUE
                ]
                if clauses and policy.permissive:
                    to = f" to {', '.join(policy.roles)}" if policy.roles else ""
                    yield RULE.found(
                        subject=policy.identity,
                        message=f"The policy lets every user {_may(policy, clauses)} every row of {name}, whatever others say.",
                        evidence=f"derived from the schema: for {policy.command}{to} {clauses[0]} (true)",
                        fix=f'drop policy "{policy.name}" on {name};',
                    )


def _may(policy: Policy, clauses: list[str]) -> str:
    if policy.command == "all":
        return "do anything with" if "using" in clauses else "write"
    return {"select": "read", "insert": "insert", "update": "change", "delete": "delete"}[policy.command]
