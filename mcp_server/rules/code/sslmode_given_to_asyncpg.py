"""asyncpg is handed a setting of another driver.

`connect_args={"sslmode": ...}` and `?sslmode=` in an asyncpg URL end in `TypeError: connect() got an unexpected keyword
argument 'sslmode'`. asyncpg calls it `ssl`; channel_binding it does not have.
https://magicstack.github.io/asyncpg/current/api/index.html#connection
"""

import re
from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C107",
    severity="error",
    form="python",
    bad="""
import os
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"),
    connect_args={"sslmode": "require"},
    pool_pre_ping=True,
)
""",
    good=(
        """
import os
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+asyncpg://"),
    connect_args={"ssl": "require"},
    pool_pre_ping=True,
)
""",
        """
import os
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://"),
    connect_args={"sslmode": "require"},
    pool_pre_ping=True,
)
""",
    ),
)
_FOREIGN = re.compile(r"\b(sslmode|channel_binding)\b")


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("create_async_engine"):
        if not call.arguments or "psycopg" in call.arguments[0].text:
            continue
        for given in (call.arguments[0], call.argument("connect_args")):
            found = _FOREIGN.search(given.text) if given is not None and given.kind != "call" else None
            if found and ("asyncpg" in call.arguments[0].text or given is not call.arguments[0]):
                yield RULE.found(
                    subject=call.verb,
                    message=f"asyncpg has no `{found[1]}`: the first connection fails with TypeError.",
                    evidence="the engine is asynchronous" if given else "",
                    fix='connect_args={"ssl": "require"}',
                    place=str(call.span),
                )
