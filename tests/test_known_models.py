"""Models are read once for the same sources, and anew when anything that they depend on has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mcp_server.world.known_models import read_known_models
from mcp_server.world.models import read_models
from mcp_server.world.workspace import Workspace
from tests.opened import PROJECTS, open_project

pytestmark = pytest.mark.anyio


def project(folder: Path) -> Workspace:
    shutil.copytree(PROJECTS / "todo_chatbot", folder / "project")
    return open_project(folder / "project", cache=folder / "cache")


async def test_what_is_kept_equals_what_was_read_and_no_code_runs_for_it(tmp_path: Path) -> None:
    workspace = project(tmp_path)
    first = await read_known_models(workspace, 180000)
    assert first == await read_models(workspace, 180000)
    (kept,) = (tmp_path / "cache/models").iterdir()
    before = kept.stat().st_mtime_ns
    assert await read_known_models(workspace, 180000) == first
    assert kept.stat().st_mtime_ns == before


async def test_a_changed_source_is_read_anew_and_a_broken_entry_is_no_answer(tmp_path: Path) -> None:
    workspace = project(tmp_path)
    await read_known_models(workspace, 180000)
    (kept,) = (tmp_path / "cache/models").iterdir()
    kept.write_text("{", encoding="utf-8")
    source = workspace.settings.root / "app/models.py"
    again = await read_known_models(workspace, 180000)
    assert {one.table for one in again.tables} >= {"tasks"}
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace('"tags"', '"labels"').replace("tags.id", "labels.id"), encoding="utf-8")
    changed = await read_known_models(workspace, 180000)
    assert "labels" in {one.table for one in changed.tables}
