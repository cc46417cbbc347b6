"""Alembic runs through the pooler.

Its SET lock_timeout reaches other clients, its advisory lock protects nothing, and a long transaction holds a pooled connection.
Let env.py take the direct host: a URL of its own, or the same without `-pooler`.
https://neon.com/docs/guides/sqlalchemy-migrations
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H912", severity="error", form="project")
DIRECT = ("-pooler", "unpooled", "direct", "non_pooling")


def check(use: NeonUse) -> Iterator[Finding]:
    if not use.pooled or not use.migrations:
        return
    if any(word in use.migrations_text.lower() for word in DIRECT):
        return
    yield RULE.found(
        subject=use.migrations,
        message="Migrations go through the pooler, where neither lock_timeout nor Alembic's own lock holds.",
        evidence=f"{use.origin} names the pooler, and {use.migrations} does not look for the direct host",
        fix='url.replace("-pooler.", ".", 1) in env.py, or DATABASE_URL_UNPOOLED',
        place=use.migrations,
    )
