"""The skill neon-db-connection is true: every block of code that it shows is run."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_server.model.design import Flavour
from mcp_server.render.database_module import render_database
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.urls import read_url
from tests.applying import HASH, write_revision
from tests.neon.api import KEY
from tests.neon.cloud import opened_cloud
from tests.opened import copy_history
from tests.test_old_versions import environment

ROOT = Path(__file__).parents[2]
SKILL = ROOT / "skills/neon-db-connection"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEW = Flavour((3, 11, 0), (0, 0, 50), (2, 1, 9))

MODELS = """
from sqlmodel import Field, SQLModel


class Task(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(index=True)
    title: str
"""
REVISION = '''"""tasks"""
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade() -> None:
    op.create_table("task", sa.Column("id", sa.Integer, primary_key=True), sa.Column("user_id", sa.Integer, nullable=False),
                    sa.Column("title", sa.String, nullable=False))


def downgrade() -> None:
    op.drop_table("task")
'''
USE = """
import asyncio
import json

from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

import app.limits
from app.again import again
from app.alone import alone
from app.db import close, get_engine
from app.main import app as application

said = {}


async def use():
    tried = []

    async def read():
        tried.append(1)
        if len(tried) < 3:
            raise ConnectionError("unexpected connection_lost() call")
        async with get_engine().connect() as connection:
            rows = await connection.execute(text("select current_setting(name) from unnest(array['statement_timeout', 'lock_timeout']) name"))
            return [row[0] for row in rows]

    said["limits"], said["tries"] = await again(read), len(tried)

    async def wrong():
        tried.append(1)
        async with get_engine().connect() as connection:
            await connection.execute(text("select nothing"))

    try:
        await again(wrong)
    except ProgrammingError:
        said["tries of what is wrong"] = len(tried) - said["tries"]
    free = "select pg_try_advisory_xact_lock(7)"
    async with alone(7) as connection, get_engine().connect() as other:
        said["alone"] = [(await connection.execute(text("select 1"))).scalar_one(), (await other.execute(text(free))).scalar_one()]
    async with get_engine().connect() as other:
        said["free afterwards"] = (await other.execute(text(free))).scalar_one()
    await close()


asyncio.run(use())
with TestClient(application) as client:
    said["added"] = client.post("/tasks", json={"user_id": 1, "title": "Read"}).status_code
    said["listed"] = [one["title"] for one in client.get("/tasks", params={"user_id": 1}).json()]
    said["others"] = client.get("/tasks", params={"user_id": 2}).json()
    said["probes"] = [client.get("/live").status_code, client.get("/ready").status_code]
print(json.dumps(said))
"""
INI = "[alembic]\nscript_location = %(here)s/migrations\nprepend_sys_path = %(here)s\n"


@dataclass(frozen=True)
class Block:
    """A block of a page. name: the file that its first line names, "" for none."""

    page: str
    language: str
    text: str

    @property
    def name(self) -> str:
        return self.text.partition("\n")[0].removeprefix("# ") if self.text.startswith("# ") else ""


BLOCKS = tuple(
    Block(path.name, language, text)
    for path in sorted(SKILL.rglob("*.md"))
    for language, text in BLOCK.findall(path.read_text("utf-8"))
)


def test_every_block_is_of_a_kind_that_is_run_here() -> None:
    assert {one.language for one in BLOCKS} == {"python", "bash", "dotenv"}
    assert [one.name for one in BLOCKS if one.language == "python"] == [
        "app/main.py", "app/limits.py", "app/alone.py", "app/again.py", "migrations/env.py",
    ]  # fmt: skip


def test_every_page_that_is_linked_is_there_and_none_is_forgotten() -> None:
    linked = set(re.findall(r"\]\((references/[\w-]+\.md)\)", (SKILL / "SKILL.md").read_text("utf-8")))
    assert linked == {path.relative_to(SKILL).as_posix() for path in (SKILL / "references").glob("*.md")}


def test_the_two_addresses_are_one_database() -> None:
    (dotenv,) = [one for one in BLOCKS if one.language == "dotenv"]
    values = dict(line.split("=", 1) for line in dotenv.text.splitlines() if not line.startswith("#"))
    pooled, direct = read_url(values["DATABASE_URL"]), read_url(values["DATABASE_URL_UNPOOLED"])
    assert pooled != direct
    assert pooled.direct() == direct
    module: dict[str, object] = {}
    exec(render_database(NEW), module)
    read = module["read_target"]
    assert callable(read)
    assert read(values["DATABASE_URL"])[1]["statement_cache_size"] == 0
    assert "statement_cache_size" not in read(values["DATABASE_URL_UNPOOLED"])[1]


@pytest.mark.anyio
async def test_the_application_of_the_pages_runs(tmp_path: Path, database: Sandbox) -> None:
    files = {one.name: one.text for one in BLOCKS if one.language == "python"}
    files |= {
        "app/__init__.py": "", "app/db.py": render_database(NEW), "app/models.py": MODELS, "alembic.ini": INI,
        "migrations/versions/a1.py": REVISION, "use.py": USE,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    python = str(environment("fastapi") / "bin/python")
    given = {"PATH": os.environ["PATH"], "DATABASE_URL": database.url, "DATABASE_URL_UNPOOLED": database.url}

    def ran(*words: str) -> str:
        done = subprocess.run([python, *words], cwd=tmp_path, env=given, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    ran("-m", "alembic", "upgrade", "head")
    assert json.loads(ran("use.py").splitlines()[-1]) == {
        "limits": ["5s", "2s"],
        "tries": 3,
        "tries of what is wrong": 1,
        "alone": [1, False],
        "free afterwards": True,
        "added": 201,
        "listed": ["Read"],
        "others": [],
        "probes": [200, 200],
    }


@pytest.mark.anyio
async def test_the_commands_of_the_pages_run(
    tmp_path: Path, sandboxes: Sandboxes, database: Sandbox, cache: Path
) -> None:
    root = copy_history(tmp_path)
    added = "alter table authors add column died int"
    write_revision(root, "c3", "b2", [added], ["alter table authors drop column died"])
    (tmp_path / "dbarch").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mcp_server "$@"\n')
    (tmp_path / "dbarch").chmod(0o755)
    async with opened_cloud(root, sandboxes, database) as cloud:
        given = {
            **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "DBARCH_CACHE_DIR": str(cache),
            "DATABASE_URL": cloud.held.url(cloud.api.main), "NEON_API_KEY": KEY,
            "NEON_API_HOST": cloud.workspace.settings.neon_address, "CLAUDE_PROJECT_DIR": str(root),
        }  # fmt: skip
        for line in [line for one in BLOCKS if one.language == "bash" for line in one.text.splitlines()]:
            done = await asyncio.to_thread(
                subprocess.run, ["sh", "-c", line], cwd=root, env=given, capture_output=True, text=True, timeout=120
            )
            # 1 says that something was found, as a plan that is yet to be agreed to
            assert done.returncode in (0, 1), (line, done.stdout[-800:], done.stderr[-1500:])
            if digest := HASH.search(done.stdout):
                given["PLAN_HASH"] = digest[1]
            assert KEY not in done.stdout + done.stderr
        assert cloud.names == ["main"]
        assert await cloud.at(cloud.api.main) == "c3"
