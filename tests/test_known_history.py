"""A history is read once for the same sources, and anew when anything that it depends on has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mcp_server.world.known_history import read_known_history
from mcp_server.world.migrations import find_history
from tests.opened import copy_history, open_project

pytestmark = pytest.mark.anyio


async def test_what_is_kept_equals_what_was_read_and_no_code_runs_for_it(tmp_path: Path) -> None:
    workspace = open_project(copy_history(tmp_path), cache=tmp_path / "cache")
    first = await read_known_history(workspace)
    assert first == await find_history(workspace)
    (kept,) = (tmp_path / "cache/histories").iterdir()
    before = kept.stat().st_mtime_ns

    assert await read_known_history(workspace) == first

    assert kept.stat().st_mtime_ns == before


async def test_a_revision_that_comes_changes_or_goes_is_seen_and_a_broken_entry_is_no_answer(tmp_path: Path) -> None:
    root = copy_history(tmp_path)
    workspace = open_project(root, cache=tmp_path / "cache")
    assert (await read_known_history(workspace)).heads == ("b2",)
    (kept,) = (tmp_path / "cache/histories").iterdir()
    kept.write_text("[]", encoding="utf-8")
    last = root / "migrations" / "versions" / "b2_born.py"

    assert (await read_known_history(workspace)).heads == ("b2",)
    last.write_text(last.read_text().replace('"b2"', '"b9"'))
    assert (await read_known_history(workspace)).heads == ("b9",)
    last.unlink()
    assert (await read_known_history(workspace)).heads == ("a1",)


async def test_what_env_py_says_of_the_version_table_is_read_anew(tmp_path: Path) -> None:
    root = copy_history(tmp_path)
    workspace = open_project(root, cache=tmp_path / "cache")
    await read_known_history(workspace)
    env = root / "migrations" / "env.py"
    env.write_text(env.read_text().replace("literal_binds=True", 'literal_binds=True, version_table="steps"'))

    assert (await read_known_history(workspace)).version_table == "steps"


async def test_a_history_outside_of_the_project_is_read_each_time(tmp_path: Path) -> None:
    root = copy_history(tmp_path)
    shutil.move(root / "migrations", tmp_path / "elsewhere")
    ini = root / "alembic.ini"
    lines = ini.read_text().splitlines()
    assert any(line.startswith("script_location") for line in lines)
    ini.write_text(
        "\n".join(
            f"script_location = {tmp_path / 'elsewhere'}" if line.startswith("script_location") else line
            for line in lines
        )
    )
    workspace = open_project(root, cache=tmp_path / "cache")
    assert (await read_known_history(workspace)).heads == ("b2",)
    (tmp_path / "elsewhere" / "versions" / "b2_born.py").unlink()

    assert (await read_known_history(workspace)).heads == ("a1",)
