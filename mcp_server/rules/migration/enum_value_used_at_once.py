"""A new enum value is used in the transaction that adds it.

Postgres refuses a value that is not committed yet (unsafe use of new value). Add it in a revision of its own; Alembic runs
all pending revisions in one transaction unless env.py sets `transaction_per_migration=True`.
https://www.postgresql.org/docs/current/sql-altertype.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M304",
    severity="error",
    given="create type mood as enum ('sad'); create table task (id bigint primary key, mood mood);",
    bad="begin;\nalter type mood add value 'ok';\nupdate task set mood = 'ok' where mood = 'ok';\ncommit;",
    good=("alter type mood add value 'ok';\nupdate task set mood = 'ok' where id between 1 and 10;",),
    cured=False,
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement in migration.statements:
        if statement.sqlstate != "55P04":
            continue
        yield RULE.found(
            subject=migration.name,
            message=f"It fails: {statement.error} Add the value in a revision of its own, committed before.",
            evidence=f"observed on a copy of PostgreSQL {migration.major}",
            place=statement.place,
        )
