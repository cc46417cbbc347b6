"""The migration fails on rows that the old schema allows.

It passes on an empty database. With generated rows in the tables (nulls where they are allowed, duplicates where nothing
forbids them, the longest texts) Postgres refuses it. Clean the rows in a migration before, or prove that there are none.
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(code="M306", severity="warning", form="project")


def check(migration: Migration) -> Iterator[Finding]:
    if migration.data_failure:
        yield RULE.found(
            subject=migration.name,
            message=f"It fails on rows that the old schema allows: {migration.data_failure}",
            evidence="observed on a copy with generated rows; the same walk passes on empty tables",
        )
