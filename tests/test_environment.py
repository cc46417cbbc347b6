"""A project without Alembic gets an environment that works for dbarch and for the plain `alembic` command."""

from __future__ import annotations

import ast
import os
import shutil
import ssl
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from mcp_server.errors import ArchitectError
from mcp_server.model.orm import Models
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.render.environment import Driver, Environment, render_environment
from mcp_server.world.environment_files import find_site
from mcp_server.world.models import read_models
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.opened import PROJECTS, open_project

pytestmark = pytest.mark.anyio


def target_of(text: str, url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[URL, dict[str, Any]]:
    """What find_target() of an env.py makes of a URL; only that function and what it needs is run."""
    wanted = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name in ("find_target", "tls")
    ]
    module: dict[str, Any] = {"make_url": make_url, "ssl": ssl, "URL": URL, "os": os}
    exec(compile(ast.Module([*wanted], []), "env.py", "exec"), module)
    monkeypatch.setenv("DATABASE_URL", url)
    found: tuple[URL, dict[str, Any]] = module["find_target"]()
    return found


NEON = "postgres://me:s%40cret@ep-cool-sea-123456-pooler.eu-central-1.aws.neon.tech/main?sslmode=require&channel_binding=require"


def env_of(driver: Driver) -> str:
    return render_environment(Environment("alembic", ("app.models",), driver=driver))["alembic/env.py"]


def test_a_neon_url_reaches_asyncpg_without_words_that_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    url, arguments = target_of(env_of("asyncpg"), NEON, monkeypatch)
    assert url.render_as_string(hide_password=False) == (
        "postgresql+asyncpg://me:s%40cret@ep-cool-sea-123456.eu-central-1.aws.neon.tech/main"
    )
    assert arguments == {"ssl": "require"}


def test_certificates_are_checked_when_the_url_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "postgresql://me@db.example.com/main?sslmode=verify-full&sslrootcert=system"
    _, arguments = target_of(env_of("asyncpg"), url, monkeypatch)
    assert isinstance(arguments["ssl"], ssl.SSLContext)
    assert arguments["ssl"].check_hostname
    assert arguments["ssl"].verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_libpq_is_told_all_that_the_url_says(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    url, arguments = target_of(env_of(driver), NEON, monkeypatch)
    assert url.drivername == f"postgresql+{driver}"
    assert dict(url.query) == {"sslmode": "require", "channel_binding": "require"}
    assert url.host == "ep-cool-sea-123456.eu-central-1.aws.neon.tech"
    assert arguments == {}


PLACES = {
    "app/models.py": ("", "alembic", ("",), ("app.models",)),
    "backend/app/models.py": ("backend", "alembic", ("",), ("app.models",)),
    "backend/app/models/task.py": ("backend", "alembic", ("",), ("app.models",)),
    "src/shop/models.py": ("", "alembic", ("src",), ("shop.models",)),
    "models.py": ("", "alembic", ("",), ("models",)),
}


@pytest.mark.parametrize("file", PLACES)
async def test_an_environment_belongs_beside_what_imports_resolve_from(file: str, tmp_path: Path) -> None:
    base, folder, sources, modules = PLACES[file]
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    for parent in path.relative_to(tmp_path).parents:
        if parent.name not in ("", "src", "backend"):
            (tmp_path / parent / "__init__.py").touch()
    path.write_text(
        textwrap.dedent("""
            from sqlmodel import Field, SQLModel

            class Note(SQLModel, table=True):
                id: int = Field(primary_key=True)
        """)
    )
    workspace = open_project(tmp_path)

    site = find_site(await read_models(workspace), workspace.settings)

    assert (site.base, site.folder) == (tmp_path / base, folder)
    assert (site.sources, site.modules) == (sources, modules)
    assert site.is_sqlmodel
    assert site.drivers[0] == "asyncpg"


@pytest.mark.parametrize("missing", ["alembic", "asyncpg"])
def test_what_is_not_installed_is_said_before_anything_is_made(missing: str, tmp_path: Path) -> None:
    versions = {"alembic": "1.18", "asyncpg": "0.31"}
    del versions[missing]
    models = Models((), (), (), interpreter="python3", versions=tuple(versions.items()))
    with pytest.raises(ArchitectError, match=r"(Alembic is not|No Postgres driver is) installed for python3\."):
        find_site(models, open_project(tmp_path).settings)


async def test_the_new_environment_works_for_the_plain_alembic_command(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, connection: asyncpg.Connection
) -> None:
    root = tmp_path / "project"
    shutil.copytree(PROJECTS / "todo_chatbot", root)
    workspace = open_project(root, sandboxes, cache=tmp_path / "cache")
    answer = await autogenerate_migration(workspace, "first tables")
    assert cast(dict[str, Any], answer.data)["revision"]["files"][:3] == [
        "alembic/env.py",
        "alembic/script.py.mako",
        "alembic.ini",
    ]
    url = database.url.replace("postgresql://", "postgres://") + "?sslmode=disable"

    assert "Running upgrade  -> " in alembic(root, f"{url}&channel_binding=disable", "upgrade", "head")
    assert await connection.fetchval("select count(*) from tasks") == 0
    assert "No new upgrade operations detected." in alembic(root, url, "check")
    alembic(root, url, "revision", "-m", "by hand")
    alembic(root, url, "downgrade", "base")
    assert await connection.fetchval("select to_regclass('tasks')") is None

    for_psycopg = render_environment(Environment("alembic", ("app.models",), driver="psycopg"))
    (root / "alembic" / "env.py").write_text(for_psycopg["alembic/env.py"])
    alembic(root, url, "upgrade", "head")
    assert await connection.fetchval("select count(*) from tasks") == 0
    assert "create table" in alembic(root, url, "upgrade", "head", "--sql").lower()


def alembic(root: Path, url: str, *words: str) -> str:
    """What the `alembic` command says; run from elsewhere, as continuous integration does."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", str(root / "alembic.ini"), *words],
        cwd=root.parent,
        env={**os.environ, "DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
