"""A domain gets a constraint, and every table with a column of it is read while nobody may write to it.

ALTER DOMAIN ADD CHECK and SET NOT NULL take a ShareLock on each such table, and so does VALIDATE CONSTRAINT, as was seen on
PostgreSQL 15, 16 and 18: a domain has no form that checks its rows beside writers. A CHECK that stays NOT VALID is instant and holds for
new values; rows are checked beside writers by a check constraint on each table, NOT VALID and then VALIDATE.
https://www.postgresql.org/docs/current/sql-alterdomain.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped

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
VERBS = ("alter domain", "add domain constraint", "validate domain constraint")


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each(*VERBS):
        blocked = migration.blocked(statement.effect_of(action))
        if not blocked or "not valid" in action.flags:
            continue
        domain = migration.identity(action.relation or action.name)
        yield RULE.found(
            subject=domain,
            message=f"Every row of the tables that use {domain} is checked, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
