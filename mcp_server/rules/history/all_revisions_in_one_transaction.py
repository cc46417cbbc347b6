"""Alembic runs all pending revisions in one transaction.

A lock that one revision takes is held through all that follow, so splitting what is instant from what is slow into two
revisions gains nothing, and a new enum value cannot be used by the next revision. `transaction_per_migration=True` in
env.py's context.configure() gives each revision its own.
https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.environment.EnvironmentContext.configure
"""

from collections.abc import Iterator

from mcp_server.model.chronicle import Chronicle
from mcp_server.model.finding import Finding, Rule

RULE = Rule(code="M504", severity="warning", form="project")


def check(chronicle: Chronicle) -> Iterator[Finding]:
    if chronicle.env and not chronicle.transaction_per_migration:
        yield RULE.found(
            subject=chronicle.config,
            message="All pending revisions share one transaction, and every lock is held until the last of them is done.",
            evidence="env.py does not give transaction_per_migration=True",
            fix="context.configure(..., transaction_per_migration=True)",
            place=chronicle.env,
        )
