"""The engine hands out connections without looking whether they still live.

A server that was restarted, a Neon compute that fell asleep, a firewall that forgot an idle connection: the first request
after it fails. `pool_pre_ping=True` asks once per checkout and replaces what is dead; `pool_recycle` alone leaves the gap
between a restart and the age that it names. On a serverless host NullPool keeps no connection at all.
https://docs.sqlalchemy.org/en/20/core/pooling.html#disconnect-handling-pessimistic
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.code_call import Call
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C103",
    severity="warning",
    form="python",
    bad="""
import os
from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], pool_recycle=300)
""",
    good=(
        """
import os
from sqlmodel import create_engine

engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True, pool_recycle=300)
""",
        """
import os
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

engine = create_async_engine(os.environ["DATABASE_URL"], poolclass=NullPool)
""",
        """
import os
from sqlmodel import create_engine

SETTINGS = {"pool_pre_ping": True, "pool_recycle": 300}
engine = create_engine(os.environ["DATABASE_URL"], **SETTINGS)
""",
        """
from sqlalchemy import create_engine

memory = create_engine("sqlite://")
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("create_engine", "create_async_engine"):
        if not keeps_connections(call) or call.argument("pool_pre_ping"):
            continue
        yield RULE.found(
            subject=call.verb,
            message="A connection that died while it was idle is handed to a request, which fails.",
            evidence="no pool_pre_ping, and the pool keeps connections",
            fix="pool_pre_ping=True",
            place=str(call.span),
            edits=(call.with_keyword("pool_pre_ping=True"),),
        )


def keeps_connections(call: Call) -> bool:
    """Whether an engine is made here whose pool keeps connections to a server; False where that cannot be told."""
    if not call.arguments or call.is_spread() or any(one.name == "*" for one in call.arguments):
        return False
    pool = call.argument("poolclass")
    address = call.arguments[0]
    is_file = address.kind in ("text", "formatted") and "sqlite" in address.text.lower()
    return not is_file and not (pool and "NullPool" in pool.text)
