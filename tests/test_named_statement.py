"""explain_query of a statement that the project makes: named by its function, compiled by the project's interpreter."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mcp_server.errors import ModelsError
from mcp_server.operations.explain import explain_query
from mcp_server.world.database import connect
from mcp_server.world.named_statement import is_name, read_named_statement
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

pytestmark = pytest.mark.anyio

MODELS = """
import uuid
from datetime import datetime
from enum import Enum
from sqlalchemy import Column, Enum as Kinds
from sqlmodel import Field, SQLModel


class State(Enum):
    OPEN = "open"
    DONE = "done"


class Job(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner: uuid.UUID
    made: datetime
    state: State = Field(sa_column=Column(Kinds(State, name="state"), nullable=False))
    title: str
"""
QUERIES = """
import uuid
from datetime import UTC, datetime
from sqlalchemy import func, select as plain, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Session, col, select
from app.models import Job, State

owner = uuid.UUID(int=7)
everything = select(Job)


def latest(size: int = 5):
    return select(Job).where(Job.owner == owner, Job.state == State.OPEN).order_by(col(Job.made).desc()).limit(size)


def among(ids: list[int]):
    return select(Job.title).where(col(Job.id).in_(ids), Job.made > datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))


def by_session(session: Session, title: str):
    rows = session.exec(select(Job).where(Job.title == title)).all()
    return [row.id for row in rows]


async def by_async_session(db: AsyncSession):
    found = await db.execute(plain(func.count()).select_from(Job).where(Job.state == State.DONE))
    return found.scalar_one()


class Repository:
    @staticmethod
    def raw():
        return text("select title from job where id = :id").bindparams(id=3)


def nothing():
    return 3


def fails():
    raise ValueError("not today")
"""


@pytest.fixture
async def workspace(database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path) -> Workspace:
    app = tmp_path / "backend" / "app"
    app.mkdir(parents=True)
    (app / "__init__.py").touch()
    (app / "models.py").write_text(MODELS)
    (app / "queries.py").write_text(QUERIES)
    connection = await connect(database.url)
    await connection.execute(
        "create type state as enum ('OPEN', 'DONE');"
        "create table job (id serial primary key, owner uuid not null, made timestamptz not null, state state not null, title text not null);"
        "insert into job (owner, made, state, title) select '00000000-0000-0000-0000-000000000007', now(), 'OPEN', 't' from generate_series(1, 20)"
    )
    await connection.close(timeout=5)
    return open_project(tmp_path, sandboxes, database_url=database.url, cache=cache, python=sys.executable)


async def test_a_statement_is_explained_by_the_name_of_its_function(workspace: Workspace) -> None:
    for name, params, rows in (
        ("app.queries:latest", (), 5),
        ("app.queries:latest", (3,), 3),
        ("app.queries:everything", (), 20),
        ("app.queries:among", ([1, 2, 3],), 3),
        ("app.queries:by_session", ("t",), 20),
        ("app.queries:by_async_session", (), 1),
        ("app.queries:Repository.raw", (), 1),
    ):
        answer = await explain_query(workspace, name, params, analyze=True)
        assert isinstance(answer.data, dict)
        assert answer.data["rows"] == rows, name
    assert "The statement is made at backend/app/queries.py:3" in answer.text


async def test_values_arrive_as_the_columns_own_types_make_them(workspace: Workspace) -> None:
    found = await read_named_statement(workspace, "app.queries:latest", ())
    assert found.values == ("00000000-0000-0000-0000-000000000007", "OPEN", 5)
    assert "$1::UUID" in found.sql
    assert found.place.endswith("queries.py:13")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("app.queries:latst", "app.queries has no latst; its functions are among, by_async_session"),
        ("app.queries:nothing", "gives a int, which is no SQLAlchemy statement"),
        ("app.queries:by_session", "wants values for title"),
        ("app.queries:fails", "ValueError: not today"),
        ("app.missing:latest", "no folder of the project holds the module app.missing"),
    ],
)
async def test_what_gives_no_statement_says_why(workspace: Workspace, name: str, said: str) -> None:
    with pytest.raises(ModelsError) as caught:
        await explain_query(workspace, name)
    assert said in caught.value.message
    assert caught.value.hint or "not today" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app:latest", True),
        ("a.b:C.d", True),
        ("select 1", False),
        ("select a::int", False),
        (":x", False),
        ("a: b", False),
    ],
)
def test_names_are_told_from_sql(text: str, expected: bool) -> None:
    assert is_name(text) is expected
