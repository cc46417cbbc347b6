"""An exclusion constraint builds its index while nobody may read or write the table.

EXCLUDE has no safe form: it cannot be made from an index that was built CONCURRENTLY. Add it while the table is small, make
a new table that has it and move over, or take a window in which the application rests.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ADD-TABLE-CONSTRAINT-USING-INDEX
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M115",
    severity="error",
    given="create table stay (id bigint primary key, during daterange);",
    bad="alter table stay add constraint apart exclude using gist (during with &&);",
    good=("create table visit (during daterange, exclude using gist (during with &&));",),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("add constraint"):
        blocked = migration.blocked(statement.effect_of(action))
        if action.kind != "exclude" or not blocked:
            continue
        table = migration.identity(action.relation)
        yield RULE.found(
            subject=f"{table}.{action.name}" if action.name else table,
            message=f"The index of the exclusion is built while {stopped(blocked)}; there is no form that lets others work.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
