"""A column's type changes in a way that writes the whole table anew.

Where the new type stores a value differently, or a USING expression is given, ALTER COLUMN TYPE rewrites the table and
rebuilds its indexes under an AccessExclusiveLock. Widening is free: varchar(50) to varchar(100) or text, numeric(10,2) to
numeric(12,2). For the others, expand and contract: a new column beside the old, a trigger that keeps both in step, the old
rows filled in batches, then the names swapped; autogenerate_migration writes these phases.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.lock import Lock
from mcp_server.model.walked import Migration, Statement, stopped

RULE = Rule(
    code="M112",
    severity="error",
    given="create table task (id bigint primary key, size int, name varchar(50), price numeric(10, 2));",
    bad="alter table task alter column size type bigint;",
    good=(
        "alter table task alter column name type varchar(100);",
        "alter table task alter column name type text;",
        "alter table task alter column price type numeric(12, 2);",
        "create table note (size int); alter table note alter column size type bigint;",
    ),
)
STAMPS = {"timestamp without time zone", "timestamp with time zone"}


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("alter column type"):
        table = migration.identity(action.relation)
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        if not blocked or not effect.rewrites:
            continue
        column = migration.column(table, action.name)
        if column is not None and column.identity in migration.made_up:
            yield _unknown(migration, statement, action, blocked)
            continue
        old = column.type if column else "its type"
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"From {old} to {action.type} every row and index is written anew, and meanwhile {stopped(blocked)}. "
            "Expand and contract instead: a second column, kept in step, filled in batches, swapped.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )


def _unknown(migration: Migration, statement: Statement, action: Action, blocked: tuple[Lock, ...]) -> Finding:
    """Of a column that nobody knows: what its type is now decides."""
    table = migration.identity(action.relation)
    return RULE.found(
        subject=f"{table}.{action.name}",
        message=f"What type the column has now is not known: unless {action.type} stores it alike (as text does varchar), every "
        f"row and index is written anew, and meanwhile {stopped(blocked)}. Look at its type; expand and contract if it differs.",
        evidence=migration.evidence(statement),
        place=statement.place,
        severity="warning",
    )
