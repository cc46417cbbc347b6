"""A column's type changes without a rewrite, but its checks are verified again on every row.

varchar(50) to text keeps the rows as they are. A CHECK on the column is nevertheless evaluated for each row, under the
AccessExclusiveLock. Drop the check first and add it again NOT VALID with a later VALIDATE.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import added_later, script

RULE = Rule(
    code="M113",
    severity="error",
    given="create table task (id bigint primary key, name varchar(50) constraint named check (name <> ''), nick varchar(50));",
    bad="alter table task alter column name type text;",
    good=("alter table task alter column nick type text;",),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("alter column type"):
        table = migration.identity(action.relation)
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        if not blocked or effect.rewrites:
            continue
        yield RULE.found(
            subject=f"{table}.{action.name}",
            message=f"The checks on the column are verified on every row again, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            fix=_fix(migration, table, action.name, statement.sql),
            place=statement.place,
        )


def _fix(migration: Migration, table: str, column: str, sql: str) -> str:
    old = [item for item in migration.before.on(table, Constraint) if item.kind == "c" and column in item.columns]
    new = [item for key in old if (item := migration.end.get(Constraint, key.identity))]
    if not old or len(new) != len(old):
        return ""
    dropped = [f"alter table {table} drop constraint {quote(item.name)}" for item in old]
    return script("begin", *dropped, sql, *(added_later(item)[0] for item in new), "commit",
                  *(added_later(item)[1] for item in new))  # fmt: skip
