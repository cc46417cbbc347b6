"""asyncpg keeps prepared statements while the address is a transaction pooler's.

Behind PgBouncer 1.21 and newer (Neon's `-pooler` hosts) they work until a migration changes the type of a column that they
return, or adds one under `SELECT *`: from then on every client fails with InvalidCachedStatementError, new processes
included, because the pooler uses its own prepared statement again for the same text. Restarting the application does not
help; ending the pooler's server connections does. Behind older ones statements of one client answer another's query. With
both caches off there is nothing to go stale: `statement_cache_size` is asyncpg's, `prepared_statement_cache_size`
SQLAlchemy's.
https://docs.sqlalchemy.org/en/20/dialects/postgresql.html#prepared-statement-name-with-pgbouncer
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C112",
    severity="warning",
    form="python",
    bad="""
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    "postgresql+asyncpg://app@ep-a-b-1-pooler.eu.aws.neon.tech/app?ssl=require",
    pool_pre_ping=True,
)
""",
    good=(
        """
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    "postgresql+asyncpg://app@ep-a-b-1-pooler.eu.aws.neon.tech/app?ssl=require",
    pool_pre_ping=True,
    connect_args={"statement_cache_size": 0, "prepared_statement_cache_size": 0},
)
""",
        """
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    "postgresql+asyncpg://app@ep-a-b-1.eu.aws.neon.tech/app?ssl=require",
    pool_pre_ping=True,
)
""",
        """
from sqlalchemy import create_engine

engine = create_engine(
    "postgresql+psycopg2://app@ep-a-b-1-pooler.eu.aws.neon.tech/app?sslmode=require",
    pool_pre_ping=True,
)
""",
    ),
)
CURE = 'connect_args={"statement_cache_size": 0, "prepared_statement_cache_size": 0}'


def check(code: Code) -> Iterator[Finding]:
    pooled = {
        call.span.file
        for call in code.calls
        if any("-pooler." in given.text and given.kind in ("text", "formatted") for given in call.arguments)
    }
    for call in code.called("create_async_engine"):
        given = call.argument("connect_args")
        is_known = bool(call.arguments) and not call.is_spread() and (given is None or given.kind == "other")
        if call.span.file not in pooled or not is_known or "psycopg" in call.arguments[0].text:
            continue
        if given is None or '"statement_cache_size"' not in given.text.replace("'", '"'):
            yield RULE.found(
                subject=call.verb,
                message="Prepared statements behind a transaction pooler: after a migration every client may fail, new ones too.",
                evidence="the address in this file is a pooler's, and asyncpg's statement cache is on",
                fix=CURE,
                place=str(call.span),
                edits=(call.with_keyword(CURE),) if given is None else (),
            )
