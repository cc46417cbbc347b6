"""What others own, and what is the project's although tables of others are not there: each is made once, by whom it belongs to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.model.answer import Answer
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio


def opened(root: Path, sandboxes: Sandboxes, **changes: Any) -> Workspace:
    return open_project(root, sandboxes, cache=root.parent / "cache", **changes)


def data_of(answer: Answer) -> dict[str, Any]:
    return cast(dict[str, Any], answer.data)


async def test_tables_that_others_own_are_never_touched(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    (root / "app" / "__init__.py").touch()
    (root / "app" / "models.py").write_text(
        "from sqlmodel import Field, SQLModel\n\n\n"
        "class Note(SQLModel, table=True):\n"
        "    id: int = Field(primary_key=True)\n"
        "    user_id: str = Field(foreign_key='user.id')\n"
    )
    workspace = opened(root, sandboxes, external=("user",))

    answer = await autogenerate_migration(workspace, "notes")

    data = data_of(answer)
    assert data["verdict"] == "written"
    assert not any("user" in step["change"].split() for step in data["steps"])
    assert 'EXTERNAL = ("user",)' in (root / "alembic" / "env.py").read_text()
    again = await autogenerate_migration(opened(root, sandboxes, external=("user",)), "notes again")
    assert data_of(again)["verdict"] == "no changes"  # the history is replayed without the table that it refers to


async def test_a_schema_that_only_the_goal_has_is_made_by_the_revision_alone(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = copy_history(tmp_path)
    (root / "first.sql").write_text("create table task (id integer primary key);")
    (root / "second.sql").write_text("create table task (id integer primary key); create schema aside;")

    answer = await autogenerate_migration(
        opened(root, sandboxes), "a place aside", before="file:first.sql", after="file:second.sql"
    )

    data = data_of(answer)
    assert data["problems"] == []
    assert [step["change"] for step in data["steps"]] == ["add schema aside"]


async def test_the_schema_and_the_types_of_tables_that_others_own_are_theirs(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    (root / "app" / "__init__.py").touch()
    (root / "app" / "models.py").write_text(
        "from sqlalchemy import Column, Enum, ForeignKey, Integer, MetaData, String\n"
        "from sqlalchemy.orm import declarative_base\n\n"
        "Base = declarative_base(metadata=MetaData())\n"
        "role = Enum('reader', 'writer', name='role', schema='auth')\n\n\n"
        "class User(Base):\n"
        "    __tablename__ = 'user'\n"
        "    __table_args__ = {'schema': 'auth'}\n"
        "    id = Column(String, primary_key=True)\n"
        "    role = Column(role)\n\n\n"
        "class Note(Base):\n"
        "    __tablename__ = 'note'\n"
        "    id = Column(Integer, primary_key=True)\n"
        "    user_id = Column(ForeignKey('auth.user.id'))\n"
        "    role = Column(role)\n\n\n"
        "class Aside(Base):\n"
        "    __tablename__ = 'aside'\n"
        "    __table_args__ = {'schema': 'own'}\n"
        "    id = Column(Integer, primary_key=True)\n"
    )
    workspace = opened(root, sandboxes, external=("auth.*",))

    answer = await autogenerate_migration(workspace, "notes")

    data = data_of(answer)
    assert data["problems"] == []
    made = {step["change"] for step in data["steps"]}
    assert "add schema own" in made
    assert not any("auth" in change.split() or "auth.role" in change for change in made)
    again = await autogenerate_migration(opened(root, sandboxes, external=("auth.*",)), "notes again")
    assert data_of(again)["verdict"] == "no changes"
