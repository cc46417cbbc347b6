"""Tables that are still to come are granted beforehand.

Default privileges hand each new table to a role at once, and a new table has no row security: whoever adds it must not
forget to switch that on. Grant a table in the migration that makes it, next to its policy.
https://www.postgresql.org/docs/current/sql-alterdefaultprivileges.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.isolation import Ownership
from mcp_server.model.names import quote
from mcp_server.model.schema import DefaultPrivilege
from mcp_server.rules.isolation.table_without_row_security import GIVEN, GUARD, TASK

RULE = Rule(
    code="I305",
    severity="warning",
    given=GIVEN + TASK + GUARD.format("task"),
    bad="alter default privileges in schema public grant select on tables to public;",
    good=(
        "alter default privileges in schema public grant usage on sequences to public;",
        "grant select on task to public;",
    ),
)


def check(owned: Ownership) -> Iterator[Finding]:
    for one in owned.schema.all(DefaultPrivilege) if owned.guarded else ():
        if one.target_word not in ("table", "tables") or not one.grantee or not one.privileges:
            continue
        where = f" in schema {quote(one.schema)}" if one.schema else ""
        whose = f" for role {quote(one.role)}" if one.role else ""
        grantee = "public" if one.grantee == "public" else quote(one.grantee)
        yield RULE.found(
            subject=one.identity,
            message=f"Every new table{where} is open to {one.grantee} before it has row security: {', '.join(one.privileges)}.",
            evidence="derived from the schema",
            fix=f"alter default privileges{whose}{where} revoke {', '.join(one.privileges)} on tables from {grantee};",
        )
