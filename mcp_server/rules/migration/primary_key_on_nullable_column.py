"""A primary key is made from an index whose column may be null, so the whole table is read under the strongest lock.

ADD PRIMARY KEY USING INDEX is instant only when NOT NULL is already known. Otherwise Postgres sets NOT NULL itself and
reads every row while reads and writes wait. Prove NOT NULL by a check that was validated before (PostgreSQL 18: by a
NOT NULL constraint that was added NOT VALID and validated).
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.names import quote
from mcp_server.model.schema import Index
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import made_constraint, not_null, script

RULE = Rule(
    code="M105",
    severity="error",
    given="create table task (id bigint, title text); create unique index task_pkey on task (id);",
    bad="alter table task add constraint task_pkey primary key using index task_pkey;",
    good=(
        "alter table task add constraint proof check (id is not null) not valid;\n"
        "alter table task validate constraint proof;\n"
        "alter table task alter column id set not null;\n"
        "alter table task drop constraint proof;\n"
        "alter table task add constraint task_pkey primary key using index task_pkey;",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint"):
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        if action.kind != "primary key" or "using index" not in action.flags or not effect.scans or not blocked:
            continue
        table = migration.identity(action.relation)
        made = made_constraint(migration, table, action)
        index = made and migration.before.get(Index, f"{table.rpartition('.')[0]}.{made.name}")
        columns = (made.columns if made else ()) or (index.columns if index else ())
        is_known = not all(f"{table}.{quote(name)}" in migration.made_up for name in columns)
        proofs = [sql for name in columns for sql in not_null(table, name, migration.major)]
        yield RULE.found(
            subject=made.identity if made else table,
            message=f"A column of the index may be null, so every row is checked for it: {stopped(blocked)} meanwhile."
            + ("" if is_known else " Whether it is NOT NULL already is not known here; if it is, this is instant."),
            severity=None if is_known else "warning",
            evidence=migration.evidence(statement),
            fix=script(*proofs, statement.sql) if proofs else "",
            place=statement.place,
        )
