"""Postgres refuses a statement of the migration.

It was run on a copy that the project's own migrations made, so it fails in the same way wherever the database is at the
revision before.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration, Statement

RULE = Rule(
    code="M301",
    severity="error",
    given="create table task (id bigint primary key);",
    bad="alter table tusk add column due date;",
    good=("alter table if exists tusk add column due date;",),
)
OTHERS = ("25001", "55P04")


def check(migration: Migration) -> Iterator[Finding]:
    for statement in migration.statements:
        if (
            not statement.error
            or statement.sqlstate in OTHERS
            or statement.lacks_right
            or _is_told_elsewhere(statement)
        ):
            continue
        yield RULE.found(
            subject=migration.name,
            message=f"It fails: {statement.error}",
            evidence=f"observed on a copy of PostgreSQL {migration.major}: SQLSTATE {statement.sqlstate}"
            if statement.is_observed
            else "",
            place=statement.place,
        )
    if migration.failure and not any(
        statement.error and not statement.passed_over for statement in migration.statements
    ):
        yield RULE.found(
            subject=migration.name,
            message=f"It fails: {migration.failure}",
            evidence=f"observed on a copy of PostgreSQL {migration.major}",
            place=migration.failed_place,
        )


def _is_told_elsewhere(statement: Statement) -> bool:
    """Whether required_column_without_default speaks of it."""
    return statement.sqlstate == "23502" and any(
        action.verb == "add column" and action.flags & {"not null", "primary key"} and not action.flags & {"default"}
        for action in statement.actions
    )
