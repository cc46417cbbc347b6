"""The driver keeps prepared statements, and the way leads through Neon's pooler.

asyncpg prepares each text under a name and keeps it. The pooler (PgBouncer with max_prepared_statements) gives the same server-side
statement to everybody: after a migration changes a selected column's type, or adds one under `select *`, every client fails with
InvalidCachedStatementError, new processes too, until the pooled sessions end. Switch both caches off, or take the direct host.
https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-cache
"""

from collections.abc import Iterator

from mcp_server.model.finding import Finding, Rule
from mcp_server.model.neon_use import NeonUse

RULE = Rule(code="H901", severity="error", form="project")
CACHE = "statement_cache_size"


def check(use: NeonUse) -> Iterator[Finding]:
    if not use.pooled:
        return
    for call in use.code.called("create_async_engine"):
        given = call.argument("connect_args")
        if call.is_spread() or (given is not None and (given.kind in ("name", "call") or CACHE in given.text)):
            continue
        yield RULE.found(
            subject=call.verb,
            message="Statements are cached through the pooler: the next migration that alters a selected column makes every client fail.",
            evidence=f"no {CACHE} in connect_args; {use.origin} names the pooler",
            fix=f'connect_args={{"{CACHE}": 0, "prepared_statement_cache_size": 0}}',
            place=str(call.span),
        )
