"""The migration fails on the rows of a branch.

A branch is a copy of the database in use with its rows: what Postgres refuses there, it refuses on the database itself. Clean the
rows in a migration before, or take the change apart so that it meets none.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(code="M313", severity="error", form="project")


def check(migration: Migration) -> Iterator[Finding]:
    walk = migration.on_branch
    if walk is None or walk.failed is None:
        return
    yield RULE.found(
        subject=migration.name,
        message=f"The {walk.failed.command} fails on the rows of {walk.parent or walk.branch}: {walk.failed.failure}",
        evidence=f"observed on the branch {walk.branch}{f', about {walk.rows:,} rows' if walk.rows else ''}",
        fix="correct the rows in a revision before it, or add the constraint NOT VALID and validate it once they are clean",
        place=walk.failed.place,
    )
