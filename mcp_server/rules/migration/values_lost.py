"""Values do not survive the migration, as generated rows showed.

Rows that the old schema allows were written into the copy, and after the walk some of their values were gone or others.
Where a statement of the migration updates or deletes rows of that table, it is told as an info: it may be what is meant.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(
    code="M209",
    severity="error",
    form="project",
)


def check(migration: Migration) -> Iterator[Finding]:
    if migration.rows is None:
        return
    meant = {
        migration.identity(action.relation) for _, action in migration.each("update", "delete", "merge", "truncate")
    }
    for lost in migration.rows.lost:
        yield RULE.found(
            subject=lost.column,
            message=f"{lost.rows} of the generated values do not survive the upgrade{_example(lost.example)}.",
            evidence="observed on a copy with generated rows",
            severity="info" if lost.column.rpartition(".")[0] in meant else None,
        )
    for lost in migration.rows.down:
        if lost in migration.rows.lost:
            continue
        yield RULE.found(
            subject=lost.column,
            message=f"{lost.rows} of the generated values do not survive a downgrade and an upgrade{_example(lost.example)}.",
            evidence="observed on a copy with generated rows",
            severity="warning",
        )


def _example(example: str) -> str:
    return f", such as {example}" if example else ""
