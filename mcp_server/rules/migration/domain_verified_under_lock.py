"""A domain gets a constraint, and every table with a column of it is read while nobody may write to it.

ALTER DOMAIN ADD CHECK and SET NOT NULL take a ShareLock on each such table. Add a CHECK NOT VALID and validate it in a later
statement; NOT NULL has no such form: use CHECK (VALUE IS NOT NULL).
https://www.postgresql.org/docs/current/sql-alterdomain.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import script

RULE = Rule(
    code="M123",
    severity="error",
    given="create domain amount as int; create domain unused as int; create table task (id bigint primary key, size amount);",
    bad="alter domain amount add constraint positive check (value > 0);",
    good=(
        "alter domain amount add constraint positive check (value > 0) not valid;",
        "alter domain unused add constraint positive check (value > 0);",
    ),
)
VERBS = ("alter domain", "add domain constraint")


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each(*VERBS):
        blocked = migration.blocked(statement.effect_of(action))
        if not blocked or "not valid" in action.flags:
            continue
        sql = statement.sql.strip().rstrip(";")
        domain = migration.identity(action.relation or action.name)
        named = action.name and action.name not in (action.relation, "")
        later = (f"{sql} not valid", f"alter domain {domain} validate constraint {action.name}")
        yield RULE.found(
            subject=domain,
            message=f"Every row of the tables that use {domain} is checked, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            fix=script(*later) if named and "check" in sql.lower() else "",
            place=statement.place,
        )
