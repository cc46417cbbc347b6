"""The history does not replay on an empty database.

Nobody can set the database up from the revisions alone: no new colleague, no test, no second environment. Where a revision
asks for a table that no revision made, the tables came from `create_all` before Alembic was there: write a first revision
that makes them (autogenerate from an empty database), and stamp the databases that have them.
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M501", severity="error", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    if chronicle.replay_failure:
        yield RULE.found(
            subject=chronicle.config,
            message=f"It fails on an empty database: {chronicle.replay_failure.rstrip('.')}.",
            evidence="observed: the history was replayed on an empty database",
            place=chronicle.failed_place,
        )
