"""A migration locks a table by LOCK TABLE, and holds it while a table is worked through.

LOCK TABLE without a mode stops reads and writes until the transaction ends. Name the weakest mode that does.
https://www.postgresql.org/docs/current/sql-lock.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M129",
    severity="warning",
    given="create table task (id bigint primary key);",
    bad="begin;\nlock table task;\ncommit;",
    good=("begin;\nlock table task in share update exclusive mode;\nalter table task set (fillfactor = 90);\ncommit;",),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("lock table"):
        locks = migration.taken(statement)
        again = any(
            one.transaction == statement.transaction and one is not statement and other.verb != "lock table"
            for one, other in migration.each()
        )
        if not locks or again:
            continue
        yield RULE.found(
            subject=migration.identity(action.relation),
            message=f"{stopped(locks)} until the transaction ends, and nothing in it needs that.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
