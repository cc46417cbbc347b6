"""A column becomes NOT NULL, and every row is checked while nobody may read or write the table.

SET NOT NULL takes an AccessExclusiveLock and reads the whole table, unless a valid CHECK (column IS NOT NULL) proves it.
Add such a check NOT VALID, VALIDATE it in a later transaction, SET NOT NULL, drop the check. PostgreSQL 18 can add the
NOT NULL itself as NOT VALID and validate it later.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import not_null, script

RULE = Rule(
    code="M108",
    severity="error",
    given="create table task (id bigint primary key, title text, done bool, constraint known check (done is not null));",
    bad="alter table task alter column title set not null;",
    good=(
        "alter table task add constraint proof check (title is not null) not valid;\n"
        "alter table task validate constraint proof;\n"
        "alter table task alter column title set not null;\n"
        "alter table task drop constraint proof;",
        "alter table task alter column done set not null;",
        "alter table task alter column id set not null;",
        "create table note (body text); alter table note alter column body set not null;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("set not null", "add constraint"):
        if action.verb == "add constraint" and (action.kind != "not null" or "not valid" in action.flags):
            continue
        table = migration.identity(action.relation)
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        name = action.columns[0] if action.verb == "add constraint" and action.columns else action.name
        if not blocked or effect.rewrites:
            continue
        yield RULE.found(
            subject=f"{table}.{name}",
            message=f"Every row of {table} is checked for nulls, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            fix=script(*not_null(table, name, migration.major)),
            place=statement.place,
        )
