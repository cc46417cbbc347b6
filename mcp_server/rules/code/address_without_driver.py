"""The engine's address names a driver that cannot serve it.

`postgresql://` is psycopg2 in SQLAlchemy 2.0 and psycopg 3 in 2.1; neither 2.0's nor a missing one can serve an asynchronous
engine: InvalidRequestError or ModuleNotFoundError at the start. `postgres://` is known to no version. Name the driver:
`postgresql+asyncpg://`, `postgresql+psycopg://`.
https://docs.sqlalchemy.org/en/20/core/engines.html#postgresql
"""

import re
from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C111",
    severity="error",
    form="python",
    bad="""
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("postgresql://app@db/app", pool_pre_ping=True)
""",
    good=(
        """
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine("postgresql+asyncpg://app@db/app", pool_pre_ping=True)
""",
        """
from sqlalchemy import create_engine

engine = create_engine("postgresql://app@db/app", pool_pre_ping=True)
""",
        """
import os
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
""",
    ),
)
_PLAIN = re.compile(r"""^[rbf]*["'](postgres(?:ql)?)://""")


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("create_engine", "create_async_engine"):
        found = _PLAIN.match(call.arguments[0].text) if call.arguments else None
        if found is None or (call.verb == "create_engine" and found[1] == "postgresql"):
            continue
        driver = "asyncpg" if call.verb == "create_async_engine" else "psycopg"
        yield RULE.found(
            subject=call.verb,
            message=f"{found[1]}:// names no driver that serves {call.verb}: the engine cannot be made.",
            evidence="derived from the text of the address",
            fix=f"postgresql+{driver}://",
            place=str(call.span),
        )
