"""The expression of a stored generated column changes, and the whole table is written anew.

SET EXPRESSION (PostgreSQL 17) computes the column for every row again under an AccessExclusiveLock. Add a second generated
column only where it is VIRTUAL (PostgreSQL 18); otherwise keep a plain column by a trigger and fill it in batches.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-EXPRESSION
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M124",
    severity="error",
    given="create table task (id bigint primary key, size int, twice int generated always as (size * 2) stored);",
    bad="alter table task alter column twice set expression as (size * 3);",
    good=("alter table task alter column twice drop expression;",),
    since=17,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("set expression"):
        blocked = migration.blocked(statement.effect_of(action))
        if not blocked:
            continue
        table = migration.identity(action.relation)
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"The column is computed for every row again, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
