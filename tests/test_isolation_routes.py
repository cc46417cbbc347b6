"""Routes of FastAPI that are called as one user: their dependencies run, but for the session and for what tells who the user is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.operations.isolation import check_isolation
from mcp_server.world.sandbox import Sandboxes
from tests.examples import lay_out
from tests.opened import PROJECTS, open_project
from tests.test_old_versions import environment

pytestmark = pytest.mark.anyio
READS = ["list", "read", "of_path", "of_dependency", "of_header", "tags", "csv"]
CHANGES = {"change": "changed", "remark": "added", "row_of_body": "added", "remove_user": "removed"}
HELD = ["list_fixed", "read_fixed", "of_path_fixed", "change_fixed", "remark_fixed"]


@pytest.fixture(scope="module")
async def called(
    tmp_path_factory: pytest.TempPathFactory, sandboxes: Sandboxes
) -> AsyncIterator[Mapping[str, Mapping[str, Any]]]:
    """What came of each route, by its name, with an interpreter that has FastAPI."""
    folder = tmp_path_factory.mktemp("routes") / "project"
    shutil.copytree(PROJECTS / "session_routes", folder)
    workspace = open_project(folder, sandboxes, python=str(environment("fastapi")), shared=("tag",))
    answer = await check_isolation(workspace, functions=("app.routes",))
    data = cast("dict[str, Any]", answer.data)
    yield {one["function"].partition(":")[2]: one for one in data["functions"]}
    await workspace.close()


@pytest.mark.parametrize("name", READS)
async def test_a_route_that_gives_rows_of_another_user_is_found(
    name: str, called: Mapping[str, Mapping[str, Any]]
) -> None:
    assert called[f"{name}_leaks"]["outcome"] == "through"
    assert called[f"{name}_leaks"]["read"]


@pytest.mark.parametrize("name", CHANGES)
async def test_a_route_that_acts_on_rows_of_another_user_is_found(
    name: str, called: Mapping[str, Mapping[str, Any]]
) -> None:
    assert called[f"{name}_leaks"]["outcome"] == "through"
    assert CHANGES[name] in {what for _, what in called[f"{name}_leaks"]["changes"]}


@pytest.mark.parametrize("name", HELD)
async def test_a_route_that_keeps_to_its_user_holds(name: str, called: Mapping[str, Mapping[str, Any]]) -> None:
    assert called[name]["outcome"] == "held", called[name]


async def test_a_route_for_administrators_is_not_proven_by_a_user(called: Mapping[str, Mapping[str, Any]]) -> None:
    told = called["remove_user_fixed"]
    assert told["outcome"] == "untried"
    assert "HTTPException 403: Forbidden at app/deps.py:" in told["detail"]


async def test_a_route_that_asks_the_request_is_not_called(called: Mapping[str, Mapping[str, Any]]) -> None:
    assert called["of_request"]["outcome"] == "untried"
    assert called["of_request"]["detail"] == "`request` is a request, or what proves who sends it"


OLD = """
# file: app/__init__.py
# file: app/models.py
from sqlalchemy import Column, ForeignKey, Integer
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)


class Task(Base):
    __tablename__ = "task"
    id = Column(Integer, primary_key=True)
    user_id = Column(ForeignKey("users.id"), nullable=False, index=True)
# file: app/crud.py
from sqlalchemy.orm import Session

from app.models import Task


def get_task(db: Session, task_id: int, user_id: int):
    return db.query(Task).filter(Task.id == task_id, Task.user_id == user_id).first()
"""


async def test_an_older_sqlalchemy_is_said_to_prove_nothing(tmp_path: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(lay_out(tmp_path, OLD), sandboxes, python=str(environment("sqlalchemy 1.4")))
    answer = await check_isolation(workspace, functions=("all",))
    (told,) = cast("dict[str, Any]", answer.data)["functions"]
    assert told["outcome"] == "untried"
    assert told["detail"] == "a call that can be rolled back needs SQLAlchemy 2, and this is 1.4.54"
    await workspace.close()
