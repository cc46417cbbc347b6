"""Asynchronous sessions forget what they loaded at each commit.

After `await session.commit()` the first look at an attribute loads the row again, which an AsyncSession cannot do outside of
an await: MissingGreenlet. `expire_on_commit=False` keeps the values.
https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#asyncio-orm-avoid-lazyloads
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.code_call import Call
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C108",
    severity="warning",
    form="python",
    bad="""
from sqlalchemy.ext.asyncio import async_sessionmaker
from app.db import engine

sessions = async_sessionmaker(engine)
""",
    good=(
        """
from sqlalchemy.ext.asyncio import async_sessionmaker
from app.db import engine

sessions = async_sessionmaker(engine, expire_on_commit=False)
""",
        """
from sqlalchemy.orm import sessionmaker
from app.db import engine

sessions = sessionmaker(engine)
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for call in code.called("async_sessionmaker", "sessionmaker", "AsyncSession"):
        if not _is_async(call) or call.is_spread() or call.argument("expire_on_commit") or not call.arguments:
            continue
        yield RULE.found(
            subject=call.verb,
            message="After a commit the first look at an attribute loads it again, and fails with MissingGreenlet.",
            evidence="no expire_on_commit",
            fix="expire_on_commit=False",
            place=str(call.span),
            edits=(call.with_keyword("expire_on_commit=False"),),
        )


def _is_async(call: Call) -> bool:
    class_ = call.argument("class_", 1)
    return call.verb != "sessionmaker" or (class_ is not None and class_.text.endswith("AsyncSession"))
