"""The history has several heads.

`alembic upgrade head` refuses to run until they are merged: `alembic merge heads -m "merge"`. Two people added a revision to
the same parent.
https://alembic.sqlalchemy.org/en/latest/branches.html
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M503", severity="error", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    if len(chronicle.heads) > 1:
        yield RULE.found(
            subject=chronicle.config,
            message=f"There are {len(chronicle.heads)} heads ({', '.join(chronicle.heads)}): `alembic upgrade head` refuses.",
            evidence="derived from the revisions",
            fix='alembic merge heads -m "merge"',
        )
