"""A relationship is read that the query did not load, on an asynchronous session.

SQLAlchemy would send a query in the middle of a plain attribute, which it cannot await: MissingGreenlet. Load it along:
`.options(selectinload(Task.user))`, or ask for it with `await session.refresh(task, ["user"])`.
https://docs.sqlalchemy.org/en/20/orm/extensions/asyncio.html#asyncio-orm-avoid-lazyloads
"""

from collections.abc import Iterator

from mcp_server.model.code import Code
from mcp_server.model.finding import Finding, Rule

_MODELS = """
# file: app/models.py
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    tasks: list["Task"] = Relationship(back_populates="user")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    user: User = Relationship(back_populates="tasks")
"""
_HEAD = """
# file: app/main.py
from sqlalchemy.orm import selectinload
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession
from app.models import Task

"""
RULE = Rule(
    code="C204",
    severity="error",
    form="python",
    given="",
    bad=_MODELS
    + _HEAD
    + """
async def owner(session: AsyncSession, id: int):
    task = (await session.exec(select(Task).where(Task.id == id))).one()
    return task.user.name
""",
    good=(
        _MODELS
        + _HEAD
        + """
async def owner(session: AsyncSession, id: int):
    task = (await session.exec(select(Task).options(selectinload(Task.user)).where(Task.id == id))).one()
    return task.user.name
""",
        _MODELS
        + _HEAD
        + """
async def owner(session: AsyncSession, id: int):
    task = await session.get(Task, id)
    await session.refresh(task, ["user"])
    return task.user.name
""",
        _MODELS
        + _HEAD
        + """
async def owner_id(session: AsyncSession, id: int):
    task = await session.get(Task, id)
    return task.user_id
""",
    ),
)


def check(code: Code) -> Iterator[Finding]:
    for walk in code.walks:
        if walk.session == "async" and not walk.loaded:
            yield RULE.found(
                subject=f"{walk.model}.{walk.attribute}",
                message=f"{walk.model}.{walk.attribute} is not loaded by the query: reading it raises MissingGreenlet.",
                evidence="the session is an AsyncSession, and its query has no option that loads it",
                fix=f".options(selectinload({walk.model}.{walk.attribute}))",
                place=str(walk.span),
            )
