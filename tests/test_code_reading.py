"""How projects are written in many ways, and what is read of each: sessions, queries, walks, functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.model.code import Code
from mcp_server.rules import judge
from mcp_server.world.code import read_code
from tests.examples import lay_out

MODELS = """
# file: app/models.py
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tasks: list["Task"] = Relationship(back_populates="user")


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    user: User = Relationship(back_populates="tasks")
# file: app/db.py
import os
from typing import Annotated
from fastapi import Depends
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, create_engine
from sqlmodel.ext.asyncio.session import AsyncSession

engine = create_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
SessionLocal = sessionmaker(bind=engine)
other = create_async_engine(os.environ["DATABASE_URL"], pool_pre_ping=True)
async_session = async_sessionmaker(other, class_=AsyncSession, expire_on_commit=False)


def get_db():
    db = SessionLocal()
    try:
        yield db
    finally:
        db.close()


async def get_session():
    async with async_session() as session:
        yield session


SessionDep = Annotated[AsyncSession, Depends(get_session)]
"""
HEAD = """
# file: app/main.py
import asyncio
from fastapi import APIRouter, Depends
from sqlalchemy import text
from sqlalchemy.orm import selectinload
from sqlmodel import Session, func, select
from sqlmodel.ext.asyncio.session import AsyncSession
from app.db import SessionDep, async_session, engine, get_db, get_session
from app.models import Task, User

router = APIRouter()

"""


def read(root: Path, text: str) -> Code:
    return read_code(lay_out(root, MODELS + HEAD + text))


def codes(code: Code) -> set[str]:
    return {one.code for one in judge(code).findings if one.severity != "info"}


SESSIONS = {
    "a parameter with a class": ("async def f(session: AsyncSession):\n    await session.commit()\n", "async"),
    "an alias": ("async def f(session: SessionDep):\n    await session.commit()\n", "async"),
    "Depends without a class": ("def f(db=Depends(get_db)):\n    db.commit()\n", "sync"),
    "a with block": ("def f():\n    with Session(engine) as session:\n        session.commit()\n", "sync"),
    "a factory": ("async def f():\n    async with async_session() as s:\n        await s.commit()\n", "async"),
    "a generator": ("async def f():\n    async for s in get_session():\n        await s.commit()\n", "async"),
    "next": ("def f():\n    db = next(get_db())\n    db.commit()\n", "sync"),
    "a class that keeps it": (
        "class Repository:\n    def __init__(self, session: Session):\n        self.session = session\n\n"
        "    def save(self):\n        self.session.commit()\n",
        "sync",
    ),
}


@pytest.mark.parametrize("way", SESSIONS)
def test_a_session_is_known_however_it_comes(way: str, tmp_path: Path) -> None:
    text, kind = SESSIONS[way]
    (query,) = read(tmp_path, text).queries
    assert (query.verb, query.session) == ("commit", kind)


NO_SESSIONS = {
    "an HTTP client's": "from requests import Session\n\ndef f(session: Session):\n    return session.get('https://x')\n",
    "a model of that name": """
from sqlmodel import Field, SQLModel


class Session(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)


def f(session: Session):
    return session.get("id")
""",
    "a dict": "def f(session: dict):\n    return session.get('user')\n",
}


@pytest.mark.parametrize("way", NO_SESSIONS)
def test_other_things_named_session_are_not_taken_for_one(way: str, tmp_path: Path) -> None:
    assert read_code(lay_out(tmp_path, NO_SESSIONS[way])).queries == ()


WALKS = {
    "a row of a result": "    task = (await session.exec(select(Task))).first()\n    return task.user\n",
    "rows in a loop": "    for task in (await session.exec(select(Task))).all():\n        print(task.user)\n",
    "a result that was kept": "    result = await session.execute(select(Task))\n    for one in result.scalars().all():\n"
    "        print(one.user)\n",
    "a statement that was kept": "    wanted = select(Task).where(Task.id > 1)\n    wanted = wanted.order_by(Task.id)\n"
    "    tasks = (await session.exec(wanted)).all()\n    return [task.user for task in tasks]\n",
    "by key": "    task = await session.get(Task, 1)\n    return task.user\n",
    "by index": "    tasks = (await session.exec(select(Task))).all()\n    return tasks[0].user\n",
}


@pytest.mark.parametrize("way", WALKS)
def test_a_relationship_is_found_however_its_row_comes(way: str, tmp_path: Path) -> None:
    (walk,) = read(tmp_path, f"async def f(session: AsyncSession):\n{WALKS[way]}").walks
    assert (walk.model, walk.attribute, walk.loaded, walk.session) == ("Task", "user", False, "async")


LOADED = {
    "an option": "    task = (await session.exec(select(Task).options(selectinload(Task.user)))).first()\n    return task.user\n",
    "an option of get": "    task = await session.get(Task, 1, options=[selectinload(Task.user)])\n    return task.user\n",
    "a refresh": "    task = await session.get(Task, 1)\n    await session.refresh(task, attribute_names=['user'])\n"
    "    return task.user\n",
    "an option through another": "    user = (await session.exec(select(User).options(selectinload(User.tasks)"
    ".selectinload(Task.user)))).one()\n    return [task.user for task in user.tasks]\n",
}


@pytest.mark.parametrize("way", LOADED)
def test_what_is_loaded_along_is_no_lazy_load(way: str, tmp_path: Path) -> None:
    code = read(tmp_path, f"async def f(session: AsyncSession):\n{LOADED[way]}")
    assert code.walks
    assert {walk.loaded for walk in code.walks} == {True}
    assert codes(code) == set()


HARMLESS = {
    "rows that were made here": "def f(session: Session):\n    task = Task(user_id=1)\n    session.add(task)\n    session.commit()\n"
    "    return task.user\n",
    "a loop over what the caller gave": "def f(session: Session, names: list[str]):\n    for name in names:\n"
    "        session.add(Task(user_id=1))\n    session.commit()\n",
    "one query before the loop": "def f(session: Session, ids: list[int]):\n"
    "    found = {one.id: one for one in session.exec(select(Task).where(Task.id.in_(ids)))}\n"
    "    return [found.get(id) for id in ids]\n",
    "whole batches": "def f(session: Session, ids: list[int]):\n    for chunk in chunks(ids, 1000):\n"
    "        session.execute(text('delete from task where id = any(:ids)'), {'ids': chunk})\n",
    "messages of a queue": "async def f(session: AsyncSession, queue):\n    async for message in queue:\n"
    "        print(await session.get(Task, message.id))\n",
    "a script that somebody runs": "def fill():\n    with Session(engine) as session:\n        for id in ids():\n"
    "            session.get(Task, id)\n\n\nif __name__ == '__main__':\n    fill()\n",
    "a count": "def f(session: Session):\n    return session.exec(select(func.count()).select_from(Task)).one()\n",
    "values as parameters": "def f(session: Session, id: int):\n"
    "    return session.execute(text('select 1 from task where id = :id'), {'id': id}).scalar()\n",
    "work that is gathered": "async def f(session: AsyncSession):\n    done = session.commit()\n    await done\n",
    "a page": "@router.get('/tasks')\nasync def f(session: SessionDep, after: int = 0):\n"
    "    return (await session.exec(select(Task).where(Task.id > after).order_by(Task.id).limit(20))).all()\n",
    "an async route that awaits": "@router.get('/tasks/{id}')\nasync def f(id: int, session: SessionDep):\n"
    "    return await session.get(Task, id)\n",
    "a plain route": "@router.delete('/tasks/{id}')\ndef f(id: int, db: Session = Depends(get_db)):\n"
    "    db.delete(db.get(Task, id))\n    db.commit()\n",
}


@pytest.mark.parametrize("way", HARMLESS)
def test_careful_code_is_left_alone(way: str, tmp_path: Path) -> None:
    assert codes(read(tmp_path, HARMLESS[way])) == set()


FAULTY = {
    "a legacy query in a loop": (
        "def f(db=Depends(get_db)):\n    for id in ids():\n        db.query(Task).filter(Task.id == id).first()\n",
        {"C301"},
    ),
    "a refresh of each row": (
        "def f(session: Session):\n    tasks = session.exec(select(Task).limit(9)).all()\n    for task in tasks:\n"
        "        session.refresh(task)\n",
        {"C301"},
    ),
    "a helper in a loop": (
        "def one(session: Session, id: int):\n    return session.get(Task, id)\n\n\n"
        "def f(session: Session, ids: list[int]):\n    return [one(session, id) for id in ids]\n",
        {"C301"},
    ),
    "an async route that goes through a helper": (
        "def load(db, id: int):\n    return None\n\n\ndef one(db: Session, id: int):\n    return db.get(Task, id)\n\n\n"
        "@router.get('/tasks/{id}')\nasync def f(id: int, db: Session = Depends(get_db)):\n    return one(db, id)\n",
        {"C201"},
    ),
    "percent and a tuple": (
        "def f(session: Session, tag: str):\n    session.execute(text(\"select * from task where tag = '%s'\" % tag))\n",
        {"C306"},
    ),
    "format": (
        "def f(session: Session, tag: str):\n    session.execute(text('delete from task where tag = {}'.format(tag)))\n",
        {"C306"},
    ),
    "a result that is asked before it is awaited": (
        "async def f(session: AsyncSession):\n    return session.exec(select(Task)).all()\n",
        {"C202"},
    ),
    "all rows of a route": (
        "@router.get('/tasks')\ndef f(db: Session = Depends(get_db)):\n    rows = db.exec(select(Task))\n    return rows.all()\n",
        {"C303"},
    ),
}


@pytest.mark.parametrize("way", FAULTY)
def test_faults_are_found_in_other_words(way: str, tmp_path: Path) -> None:
    text, wanted = FAULTY[way]
    assert codes(read(tmp_path, text)) == wanted


def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    code = read_code(lay_out(tmp_path, "# file: app/db.py\nfrom sqlmodel import (\n"))
    assert code.files == ()
    assert code.notes == ("app/db.py was not read: line 1: '(' was never closed.",)


def test_offsets_are_bytes_of_the_file_whatever_stands_before(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_bytes(
        "\ufeff# Größe – 漢字\r\nfrom sqlmodel import create_engine\r\nengine = create_engine('postgresql://ä', echo=True)\r\n".encode()
    )
    (call,) = read_code(tmp_path).called("create_engine")
    data = (tmp_path / "db.py").read_bytes()
    assert data[call.span.start : call.span.end].decode() == "create_engine('postgresql://ä', echo=True)"
    echo = call.argument("echo")
    assert echo is not None
    assert data[echo.begins : echo.span.end] == b"echo=True"
