"""A unique constraint builds its index while nobody may read or write the table.

ADD UNIQUE takes an AccessExclusiveLock and builds the index under it. Build a unique index CONCURRENTLY first, then make
the constraint from it (USING INDEX), which is instant. It fails where the rows hold duplicates: look for them before.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped
from mcp_server.rules.cures import key_from_index, made_constraint, script

RULE = Rule(
    code="M103",
    severity="error",
    given="create table task (id bigint primary key, slug text);",
    bad="alter table task add constraint task_slug_key unique (slug);",
    good=(
        "create unique index concurrently task_slug_key on task (slug);\n"
        "alter table task add constraint task_slug_key unique using index task_slug_key;",
        "create table note (id bigint primary key, slug text); alter table note add unique (slug);",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint", "add column"):
        wanted = action.kind == "unique" if action.verb == "add constraint" else "unique" in action.flags
        effect = statement.effect_of(action)
        blocked = migration.blocked(effect)
        if not wanted or "using index" in action.flags or not effect.builds or not blocked:
            continue
        table = migration.identity(action.relation)
        made = made_constraint(migration, table, action) if action.verb == "add constraint" else None
        yield RULE.found(
            subject=made.identity if made else table,
            message=f"The unique index is built under the lock of ALTER TABLE: {stopped(blocked)} until it is done.",
            evidence=migration.evidence(statement),
            fix=script(*key_from_index(made)) if made else "",
            place=statement.place,
        )
