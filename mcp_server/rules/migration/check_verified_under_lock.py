"""A check constraint is verified on every row while nobody may read or write the table.

ADD CONSTRAINT ... CHECK takes an AccessExclusiveLock and reads the whole table under it; so does a CHECK that comes with a
new column, although every row has the same value there. Add it NOT VALID, which is instant and holds for new rows, and
VALIDATE it in a later transaction, under a lock that stops neither reads nor writes.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Column
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import added_later, made_constraint, script

RULE = Rule(
    code="M106",
    severity="error",
    given="create table task (id bigint primary key, size int);",
    bad="alter table task add constraint task_size_check check (size > 0);",
    good=(
        "alter table task add constraint task_size_check check (size > 0) not valid;\n"
        "alter table task validate constraint task_size_check;",
        "create table note (id bigint, size int); alter table note add check (size > 0);",
        "alter table task add column weight int;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint", "add column"):
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        wanted = action.kind == "check" if action.verb == "add constraint" else "check" in action.flags
        if not wanted or "not valid" in action.flags or not effect.scans or effect.rewrites or not blocked:
            continue
        table = migration.identity(action.relation)
        yield RULE.found(
            subject=table,
            message=f"The check is verified on every row of {table}, and meanwhile {stopped(blocked)}.",
            evidence=migration.evidence(statement),
            fix=_fix(migration, table, action),
            place=statement.place,
        )


def _fix(migration: Migration, table: str, action: Action) -> str:
    if action.verb == "add constraint":
        made = made_constraint(migration, table, action)
        return script(*added_later(made)) if made else ""
    column = migration.end.get(Column, f"{table}.{quote(action.name)}")
    added = [item for item in migration.new_constraints(table, "c") if item.columns == (action.name,)]
    if column is None or not added or action.flags & {"not null", "unique", "primary key", "references"}:
        return ""
    default = f" default {column.default}" if column.default else ""
    plain = f"alter table {table} add column {quote(action.name)} {column.type}{default}"
    return script(plain, *(sql for item in added for sql in added_later(item)))
