"""An async route waits for the database without letting go.

A call on a synchronous session inside `async def` stops the event loop: while Postgres works, no other request of the process
is served. Make the route a plain `def` (FastAPI runs it in a thread), or take an AsyncSession.
https://fastapi.tiangolo.com/async/#very-technical-details
"""

from collections.abc import Iterator

from mcp_server.model.code import Code, Handed, Query
from mcp_server.model.finding import Finding, Rule

_DB = """
# file: app/db.py
import os
from sqlmodel import Session, create_engine

engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)


def get_session():
    with Session(engine) as session:
        yield session
# file: app/main.py
from fastapi import APIRouter, Depends
from sqlmodel import Session, select
from app.db import get_session
from app.models import Task

router = APIRouter()
"""
_MODELS = """
# file: app/models.py
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
RULE = Rule(
    code="C201",
    severity="warning",
    form="python",
    bad=_DB
    + """

@router.get("/tasks")
async def list_tasks(session: Session = Depends(get_session)):
    return session.exec(select(Task).limit(50)).all()
"""
    + _MODELS,
    good=(
        _DB
        + """

@router.get("/tasks")
def list_tasks(session: Session = Depends(get_session)):
    return session.exec(select(Task).limit(50)).all()
"""
        + _MODELS,
        """
from fastapi import APIRouter, Depends
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from app.db import get_session

router = APIRouter()


@router.get("/tasks")
async def list_tasks(session: AsyncSession = Depends(get_session)):
    return (await session.exec(select(Task).limit(50))).all()
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    told: set[str] = set()
    waits = [(one.function, f"session.{one.verb}()", one.span) for one in code.queries if _waits(one)]
    waits += [(one.function, f"{one.to}(session)", one.span) for one in code.handed if _hands(code, one)]
    for function, words, span in waits:
        within = code.function(function)
        if within is None or not within.is_async or not within.route or within.key in told:
            continue
        told.add(within.key)
        count = sum(one == function for one, _, _ in waits)
        yield RULE.found(
            subject=f"{within.name} ({within.route})",
            message="While this route waits for the database, no other request of the process is served.",
            evidence=f"{words} inside async def" + (f", and {count - 1} more" if count > 1 else ""),
            fix=f"def {within.name}(...)  # FastAPI runs it in a thread; or an AsyncSession and await",
            place=str(span),
        )


def _waits(query: Query) -> bool:
    return query.session == "sync" and not query.awaited


def _hands(code: Code, handed: Handed) -> bool:
    """Whether a synchronous session goes to a plain function that asks with it."""
    if handed.session != "sync" or handed.awaited:
        return False
    asking = code.asking(handed.to)
    return asking is not None and not asking.is_async
