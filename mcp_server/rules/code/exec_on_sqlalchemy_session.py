"""`exec` is called on a session of SQLAlchemy, which has none.

`exec` belongs to SQLModel's sessions: `from sqlmodel.ext.asyncio.session import AsyncSession`. On SQLAlchemy's own it is an
AttributeError at the first request.
https://sqlmodel.tiangolo.com/tutorial/select/#sqlmodels-sessionexec
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

RULE = Rule(
    code="C203",
    severity="error",
    form="python",
    bad="""
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select
from app.models import Task


async def one(session: AsyncSession, id: int):
    return (await session.exec(select(Task).where(Task.id == id))).first()
""",
    good=(
        """
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from app.models import Task


async def one(session: AsyncSession, id: int):
    return (await session.exec(select(Task).where(Task.id == id))).first()
""",
        """
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from app.models import Task


async def one(session: AsyncSession, id: int):
    return (await session.execute(select(Task).where(Task.id == id))).scalar_one_or_none()
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for query in code.queries:
        if query.verb == "exec" and query.flavour == "sqlalchemy":
            package = "sqlmodel.ext.asyncio.session" if query.session == "async" else "sqlmodel"
            name = "AsyncSession" if query.session == "async" else "Session"
            yield RULE.found(
                subject=f"session.{query.verb}()",
                message="The session is SQLAlchemy's, which has no exec: AttributeError.",
                evidence="its class is imported from sqlalchemy",
                fix=f"from {package} import {name}",
                place=str(query.span),
            )
