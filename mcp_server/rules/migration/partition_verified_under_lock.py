"""A table becomes a partition, and its rows are checked while nobody may read or write it.

ATTACH PARTITION reads the whole new partition under an AccessExclusiveLock on it, unless a valid CHECK implies the bounds.
Add a check that says the same as the bounds NOT VALID, validate it, attach, and drop it.
https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-ATTACH-PARTITION
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, stopped

RULE = Rule(
    code="M116",
    severity="error",
    given="create table log (at date not null) partition by range (at); create table log_2026 (at date not null);",
    bad="alter table log attach partition log_2026 for values from ('2026-01-01') to ('2027-01-01');",
    good=(
        "alter table log_2026 add constraint bounds check (at >= '2026-01-01' and at < '2027-01-01') not valid;\n"
        "alter table log_2026 validate constraint bounds;\n"
        "alter table log attach partition log_2026 for values from ('2026-01-01') to ('2027-01-01');",
        "create table log_2027 (at date not null);\n"
        "alter table log attach partition log_2027 for values from ('2027-01-01') to ('2028-01-01');",
    ),
)


def check(migration: Migration) -> Iterator[Finding]:
    for statement, action in migration.each("attach partition"):
        part = migration.identity(action.references)
        effect = statement.effect_of(action)
        blocked = tuple(lock for lock in migration.blocked(effect) if lock.relation == part)
        if not blocked:
            continue
        yield RULE.found(
            subject=part,
            message=f"Every row of {part} is checked against the bounds, and meanwhile {stopped(blocked)}. "
            "Validate a CHECK that says the same as the bounds before, and attaching is instant.",
            evidence=migration.evidence(statement),
            place=statement.place,
        )
