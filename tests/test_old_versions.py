"""The same work in the interpreters of projects that did not keep up: environments of older SQLAlchemy and sqlmodel.

They are built once, with pip, into the folder of DBARCH_TEST_CACHE, else into .tools/ of this repository.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.errors import MigrationError
from mcp_server.world.migrations import downgrade, upgrade
from mcp_server.world.models import read_models
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.sources import materialise_models
from tests.opened import PROJECTS, copy_history, open_project

pytestmark = pytest.mark.anyio

SQLALCHEMY_14 = ("sqlalchemy==1.4.54", "alembic==1.8.1", "psycopg2-binary==2.9.*", "asyncpg", "greenlet")
SQLMODEL_14 = ("sqlmodel==0.0.14", "sqlalchemy==2.0.23", "pydantic<2", "alembic==1.12.1", "asyncpg", "greenlet")
SQLMODEL_31 = ("sqlmodel==0.0.31", "sqlalchemy[asyncio]==2.0.45", "alembic==1.17.2", "psycopg[binary]>=3.2")
FASTAPI = (
    "fastapi>=0.115",
    "httpx>=0.27",
    "sqlmodel>=0.0.31",
    "sqlalchemy[asyncio]>=2.0.45",
    "asyncpg>=0.30",
    "psycopg[binary]>=3.2",
    "alembic>=1.13",
)
ENVIRONMENTS = {
    "fastapi": FASTAPI,
    "sqlalchemy 1.4": SQLALCHEMY_14,
    "sqlmodel 0.0.14": SQLMODEL_14,
    "sqlmodel 0.0.31": SQLMODEL_31,
}


def environment(name: str) -> Path:
    """The folder of a virtual environment that holds the packages of that name, built when it is not there."""
    packages = ENVIRONMENTS[name]
    tag = f"{sys.version_info[0]}.{sys.version_info[1]} {packages}"
    store = Path(os.environ.get("DBARCH_TEST_CACHE") or PROJECTS.parent.parent / ".tools") / "environments"
    folder = store / hashlib.sha256(tag.encode()).hexdigest()[:12]
    store.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", *packages], check=True)
            (folder / "complete").touch()
    return folder


@pytest.mark.parametrize(
    ("name", "project", "classes", "fields"),
    [
        ("sqlalchemy 1.4", "classic_declarative", 3, 12),
        ("sqlmodel 0.0.14", "old_sqlmodel", 2, 8),
        ("sqlmodel 0.0.14", "every_kind", 6, 28),
        ("sqlmodel 0.0.31", "todo_chatbot", 6, 28),
        ("sqlmodel 0.0.31", "monorepo", 2, 6),
    ],
)
async def test_models_are_read_and_made_with_old_versions(
    name: str, project: str, classes: int, fields: int, sandboxes: Sandboxes
) -> None:
    workspace = open_project(project, sandboxes, python=str(environment(name)))

    models = await read_models(workspace, sandboxes.server_version)

    assert models.problems == ()
    assert len(models.classes) == classes
    places = [item.place for each in models.classes for item in (each, *each.fields, *each.relationships)]
    assert all(place.file and place.line for place in places)
    assert sum(len(each.fields) for each in models.classes) == fields
    await materialise_models(workspace, models)


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("sqlalchemy 1.4", "hard_coded_url"),
        ("sqlalchemy 1.4", "async_template"),
        ("sqlmodel 0.0.14", "settings_object"),
        ("sqlmodel 0.0.31", "environment_variable"),
    ],
)
async def test_histories_are_walked_with_old_versions(
    name: str, env: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(copy_history(tmp_path, env), sandboxes, python=str(environment(name)))

    assert (await upgrade(workspace, database)).heads == ("b2",)
    assert (await downgrade(workspace, database, "base")).heads == ()


async def test_another_folder_of_revisions_is_seen_by_old_versions(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project("history", sandboxes, python=str(environment("sqlalchemy 1.4")))
    shutil.copy(PROJECTS / "revisions/names_roles.py", tmp_path)

    assert (await upgrade(workspace, database, extra=[tmp_path])).done == ("a1", "b2", "c3")


@pytest.mark.parametrize(
    ("name", "env"), [("sqlalchemy 1.4", "elsewhere_by_psycopg2"), ("sqlmodel 0.0.14", "elsewhere_by_asyncpg")]
)
async def test_old_drivers_do_not_lead_elsewhere(
    name: str, env: str, tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    workspace = open_project(copy_history(tmp_path, env), sandboxes, python=str(environment(name)))

    with pytest.raises(MigrationError, match=r"Refused: .* app on 127\.0\.0\.1:5432"):
        await upgrade(workspace, database)


async def test_a_missing_driver_is_named_with_the_interpreter(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox
) -> None:
    folder = environment("sqlmodel 0.0.14")
    workspace = open_project(copy_history(tmp_path, "sync_template"), sandboxes, python=str(folder))

    with pytest.raises(MigrationError, match="a synchronous Postgres driver is needed") as caught:
        await upgrade(workspace, database)

    assert caught.value.hint == f"Install psycopg[binary] for {folder}/bin/python ([tool.dbarch] python)."
