"""check_isolation on whole projects: what it says of schema, code and database, and what it writes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.errors import NotFound, Refused
from mcp_server.model.answer import Answer
from mcp_server.operations.isolation import check_isolation
from mcp_server.world.database import connect
from mcp_server.world.owner import this_host
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import PROJECTS, open_project

pytestmark = pytest.mark.anyio
MODELS = """
from sqlmodel import Field, Relationship, SQLModel


class User(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    title: str
    remarks: list["Remark"] = Relationship(back_populates="task")


class Remark(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    task_id: int = Field(foreign_key="task.id", index=True)
    body: str
    task: Task = Relationship(back_populates="remarks")


class Country(SQLModel, table=True):
    code: str = Field(primary_key=True)
"""
ROUTES = """
from fastapi import APIRouter, Depends
from sqlmodel import Session, select

from app.auth import get_current_user
from app.models import Remark, Task, User

router = APIRouter()


@router.get("/tasks")
def tasks(session: Session, user: User = Depends(get_current_user)):
    return session.exec(select(Task).where(Task.user_id == user.id).limit(50)).all()


@router.get("/remarks/{id}")
def remark(id: int, session: Session, user: User = Depends(get_current_user)):
    return session.get(Remark, id)
"""
GUARDED = """
create table users (id bigint primary key, email text not null unique);
create table task (id bigint primary key, user_id bigint not null references users, title text not null);
create index on task (user_id);
alter table users enable row level security; alter table users force row level security;
alter table task enable row level security; alter table task force row level security;
create policy own on users using (id = (select nullif(current_setting('app.user_id', true), '')::bigint));
create policy own on task using (user_id = (select nullif(current_setting('app.user_id', true), '')::bigint));
"""


@pytest.fixture
def project(tmp_path: Path, sandboxes: Sandboxes) -> Workspace:
    """A project of three tables of users and one that is everybody's."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "__init__.py").touch()
    (app / "models.py").write_text(MODELS, "utf-8")
    (app / "routes.py").write_text(ROUTES, "utf-8")
    return open_project(tmp_path, sandboxes)


def codes(answer: Answer) -> list[str]:
    return [one["code"] for one in cast("dict[str, Any]", answer.data)["findings"]]


async def test_schema_and_code_are_judged_with_file_and_line(project: Workspace) -> None:
    answer = await check_isolation(project)
    assert answer.text.startswith("isolation by user_id: 2 errors")
    line = ROUTES.splitlines().index("    return session.get(Remark, id)") + 1
    assert f"app/routes.py:{line}  remark: select Remark" in answer.text
    assert 'shared = ["country"]' in answer.text
    assert "Database: not attacked. No table has row-level security" in answer.text
    assert sorted(codes(answer)) == ["I101", "I201"]
    assert answer.findings == 2


async def test_tables_that_are_everybodys_are_declared(project: Workspace) -> None:
    told = await check_isolation(project, shared=("country",))
    (project.settings.root / "dbarch.toml").write_text('shared = ["country"]\n', "utf-8")
    settled = open_project(project.settings.root, await project.sandboxes())
    assert codes(told) == codes(await check_isolation(settled)) == ["I201"]
    with pytest.raises(NotFound, match="no table tusk"):
        await check_isolation(project, shared=("tusk",))


async def test_an_owner_that_no_table_has_is_answered_with_those_that_look_like_one(project: Workspace) -> None:
    with pytest.raises(NotFound) as refused:
        await check_isolation(project, owner="tenant")
    assert "user_id (1)" in refused.value.hint
    with pytest.raises(Refused):
        await check_isolation(project, owner=" , ")


async def test_an_attack_on_a_database_without_policies_is_made_when_it_is_asked_for(project: Workspace) -> None:
    answer = await check_isolation(project, attack="always", shared=("country",))
    assert {"I321", "I322", "I323"} <= set(codes(answer))
    assert "got through" in answer.verdict
    (report,) = answer.reports.values()
    assert "through  read public.task" in report
    assert answer.carried_out["attempts"] > 10


async def test_policies_are_shown_with_their_proof_and_nothing_is_written(project: Workspace) -> None:
    before = sorted(project.settings.root.rglob("*.py"))
    answer = await check_isolation(project, policies="show", shared=("country",))
    assert "Policies, proven on a copy: " in answer.text
    assert ", 0 got through." in answer.text
    assert "create policy owner_only on public.task using (user_id = (select nullif(" in answer.text
    assert "signing in ask it before the user is known" in answer.text
    assert sorted(project.settings.root.rglob("*.py")) == before
    with pytest.raises(Refused, match="after the migrations' head"):
        await check_isolation(project, policies="write", shared=("country",))


async def test_policies_are_written_as_a_rehearsed_revision_and_then_hold(tmp_path: Path, sandboxes: Sandboxes) -> None:
    root = tmp_path / "project"
    shutil.copytree(PROJECTS / "monorepo", root)
    workspace = open_project(root, sandboxes)
    written = await check_isolation(workspace, policies="write")
    held = await check_isolation(workspace)
    assert "Wrote backend/migrations/versions/" in written.text
    assert "to the policies." in written.text
    assert "Rehearsed: upgrade, downgrade, upgrade" in written.text
    assert " 0 got through" in held.verdict
    assert codes(held) == []


async def test_a_source_with_policies_is_attacked_by_itself(tmp_path: Path, sandboxes: Sandboxes) -> None:
    (tmp_path / "schema.sql").write_text(GUARDED, "utf-8")
    workspace = open_project(tmp_path, sandboxes)
    held = await check_isolation(workspace, source="file:schema.sql")
    (tmp_path / "open.sql").write_text(GUARDED + "create policy all_of_it on task using (title <> '');", "utf-8")
    open_ = await check_isolation(workspace, source="file:open.sql")
    assert held.findings == 0
    assert " 0 got through" in held.verdict
    assert held.text.endswith("Next: nothing.")
    assert "among: own, all_of_it" in open_.text or "among: all_of_it, own" in open_.text
    assert {"I321", "I322"} <= set(codes(open_))


async def test_what_the_models_cannot_be_asked_is_read_from_their_text(project: Workspace) -> None:
    (project.settings.root / "schema.sql").write_text(
        'create table "user" (id int primary key); create table task (id int primary key, user_id int not null references "user");'
        "create index on task (user_id); create table remark (id int primary key, task_id int not null references task);"
        "create index on remark (task_id);",
        "utf-8",
    )
    (project.settings.root / "app/broken.py").write_text("raise RuntimeError\n", "utf-8")
    models = project.settings.root / "app/models.py"
    models.write_text("import app.broken\n" + MODELS, "utf-8")
    answer = await check_isolation(project, source="file:schema.sql")
    assert "Not judged: the models as they are" in answer.text
    assert codes(answer) == ["I201"]


async def test_a_role_that_passes_all_policies_is_named(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    connection = await connect(database.url)
    await connection.execute(GUARDED)
    await connection.close()
    workspace = open_project(tmp_path, sandboxes, database_url=database.url)
    answer = await check_isolation(workspace, source="live")
    assert codes(answer) == ["I328"]
    assert "The database URL connects as" in answer.text
    await workspace.close()


async def test_what_a_killed_attack_left_is_swept_by_the_next(tmp_path: Path, sandboxes: Sandboxes) -> None:
    (tmp_path / "schema.sql").write_text(GUARDED, "utf-8")
    left = f"dbarch_{this_host()}_4194305_1_1_zzz"
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        await connection.execute(f"create role {left}")
        await check_isolation(open_project(tmp_path, sandboxes), source="file:schema.sql")
        assert await connection.fetchval("select count(*) from pg_roles where rolname = $1", left) == 0
        await connection.close()
