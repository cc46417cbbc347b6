"""Projects to test on -> workspaces that use the session's sandboxes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.settings import read_settings
from mcp_server.world.shelf import Shelf
from mcp_server.world.workspace import Workspace

PROJECTS = Path(__file__).with_name("projects")


def open_project(root: Path | str, sandboxes: Sandboxes | None = None, **changes: Any) -> Workspace:
    """The workspace of a project under tests/projects, or of any folder; `changes` go into its settings."""
    folder = PROJECTS / root
    shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes} if sandboxes else {})
    return Workspace(replace(read_settings(folder, {}), **changes), None, shelf)


def copy_history(folder: Path, env: str = "", *revisions: str) -> Path:
    """A copy of tests/projects/history, with another env.py and more revisions."""
    copy = folder / "project"
    shutil.copytree(PROJECTS / "history", copy)
    if env:
        shutil.copy(PROJECTS / "envs" / f"{env}.py", copy / "migrations" / "env.py")
    for name in revisions:
        shutil.copy(PROJECTS / "revisions" / f"{name}.py", copy / "migrations" / "versions")
    return copy
