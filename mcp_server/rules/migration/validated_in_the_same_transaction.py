"""A constraint is added NOT VALID and validated in the same transaction, which keeps the strong lock during the check.

NOT VALID helps because the check of all rows comes later, under a weak lock. In one transaction the strong lock of ADD
CONSTRAINT is held until the end, through the whole validation. Alembic runs all pending revisions in one transaction
unless env.py sets `transaction_per_migration=True`: two revisions are not two transactions by themselves.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.lock import Lock
from mcp_server.model.walked import Migration, Statement, stopped
from mcp_server.rules.cures import script

RULE = Rule(
    code="M109",
    severity="error",
    given="create table task (id bigint primary key, size int);",
    bad="begin;\nalter table task add constraint positive check (size > 0) not valid;\n"
    "alter table task validate constraint positive;\ncommit;",
    good=(
        "begin;\nalter table task add constraint positive check (size > 0) not valid;\ncommit;\n"
        "alter table task validate constraint positive;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("validate constraint"):
        table = migration.identity(action.relation)
        blocked = _still_held(migration, statement)
        adder = _added(migration, statement, action.name)
        if not blocked or adder is None:
            continue
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"All rows are validated while {stopped(blocked)}: the lock of ADD CONSTRAINT lasts until the commit.",
            evidence=migration.evidence(statement),
            fix=script(adder.sql, statement.sql),
            place=statement.place,
        )


def _still_held(migration: Migration, statement: Statement) -> tuple[Lock, ...]:
    return tuple(one for one in statement.effect.locks if one.is_blocking and migration.is_large(one.relation))


def _added(migration: Migration, statement: Statement, name: str) -> Statement | None:
    """The statement of the same transaction that added the constraint."""
    for earlier, action in migration.each("add constraint"):
        if earlier.transaction == statement.transaction and action.name == name and "not valid" in action.flags:
            return earlier
    return None
