"""A call on an AsyncSession is not awaited.

It gives a coroutine that nobody runs: the statement is never sent, and `.all()` on it fails with AttributeError.
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Edit, Finding, Rule

RULE = Rule(
    code="C202",
    severity="error",
    form="python",
    bad="""
from sqlmodel.ext.asyncio.session import AsyncSession


async def save(session: AsyncSession, task):
    session.add(task)
    session.commit()
""",
    good=(
        """
from sqlmodel.ext.asyncio.session import AsyncSession


async def save(session: AsyncSession, task):
    session.add(task)
    await session.commit()
""",
        """
import asyncio
from sqlmodel.ext.asyncio.session import AsyncSession


async def save(session: AsyncSession, task):
    await asyncio.shield(session.commit())
""",
        """
from sqlmodel import Session


def save(session: Session, task):
    session.add(task)
    session.commit()
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        within = code.function(query.function)
        if query.session != "async" or query.awaited or not query.alone or within is None or not within.is_async:
            continue
        start, end = query.span.start, query.span.end
        around = ("(await ", ")") if query.alone == "chained" else ("await ", "")
        yield RULE.found(
            subject=f"{within.name}: session.{query.verb}()",
            message=f"session.{query.verb}() is not awaited, so it never happens.",
            evidence="the session is an AsyncSession",
            fix=f"await session.{query.verb}(...)",
            place=str(query.span),
            edits=tuple(
                Edit(query.span.file, at, at, text) for at, text in zip((start, end), around, strict=True) if text
            ),
        )
