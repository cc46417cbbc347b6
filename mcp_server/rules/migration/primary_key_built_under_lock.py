"""A primary key builds its index while nobody may read or write the table.

ADD PRIMARY KEY takes an AccessExclusiveLock, builds a unique index and, where the column may be null, reads the table once
more. Prove NOT NULL first, build a unique index CONCURRENTLY, then make the key from it (USING INDEX).
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import key_from_index, made_constraint, not_null, script

RULE = Rule(
    code="M104",
    severity="error",
    given="create table task (id bigint not null, title text);",
    bad="alter table task add constraint task_pkey primary key (id);",
    good=(
        "create unique index concurrently task_pkey on task (id);\n"
        "alter table task add constraint task_pkey primary key using index task_pkey;",
        "create table note (id bigint); alter table note add primary key (id);",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint", "add column"):
        wanted = action.kind == "primary key" if action.verb == "add constraint" else "primary key" in action.flags
        blocked = migration.blocked(statement.effect_of(action))
        if not wanted or "using index" in action.flags or not blocked:
            continue
        table = migration.identity(action.relation)
        made = made_constraint(migration, table, action) if action.verb == "add constraint" else None
        open_columns = [
            name
            for name in (made.columns if made else ())
            if (column := migration.column(table, name)) and column.nullable
        ]
        proofs = [sql for name in open_columns for sql in not_null(table, name, migration.major)]
        yield RULE.found(
            subject=made.identity if made else table,
            message=f"The key's index is built under the lock of ALTER TABLE: {stopped(blocked)} until it is done.",
            evidence=migration.evidence(statement),
            fix=script(*proofs, *key_from_index(made)) if made else "",
            place=statement.place,
        )
