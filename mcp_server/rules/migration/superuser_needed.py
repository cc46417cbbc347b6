"""A statement asks for more than the owner of a database may do.

Postgres lets only a superuser run programs, read the server's files, change its settings, load languages that can do
anything, or make event triggers; on Neon, as on most services, nobody is one. A script is reviewed as the owner of its copy: such a
statement is not run, and what follows is judged without it.
https://www.postgresql.org/docs/current/role-attributes.html
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.walked import Migration

RULE = Rule(code="M320", severity="warning", form="project")


def check(migration: Migration) -> Iterator[Finding]:
    for statement in migration.statements:
        if not statement.lacks_right:
            continue
        went_on = "It was not run; what follows was." if statement.passed_over else "The walk ended there."
        yield RULE.found(
            subject=migration.name,
            message=f"The owner of a database may not do it: {statement.error.rstrip('.')}. {went_on}",
            evidence=f"observed on a copy of PostgreSQL {migration.major}, as its owner: SQLSTATE 42501",
            place=statement.place,
            severity=None if statement.passed_over else "error",
        )
