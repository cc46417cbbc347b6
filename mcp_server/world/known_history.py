"""The project's Alembic history, read once for the same sources; see known_models.py for what it depends on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.model.orm import History, Revision
from mcp_server.world.history_fingerprint import project_files
from mcp_server.world.known_models import keep, sources_key
from mcp_server.world.migrations import find_history

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

FOLDER = "histories"


async def read_known_history(workspace: Workspace) -> History:
    """As find_history(), and without running the project's code when nothing that it depends on has changed since.

    A history that lies elsewhere than among the project's own files, or whose env.py failed, is read each time.
    """
    key, known = await find_known_history(workspace)
    if known is not None:
        return known
    history = await find_history(workspace)
    await keep_history(workspace, key, history)
    return history


async def find_known_history(workspace: Workspace) -> tuple[str, History | None]:
    """The key of what the history depends on now, and the history if it was read for it."""
    key = await asyncio.to_thread(sources_key, workspace.settings, 0)
    return key, await asyncio.to_thread(_load, workspace.cache / FOLDER / f"{key}.json")


async def keep_history(workspace: Workspace, key: str, history: History) -> None:
    """Keep a history that was read for this key, if the key takes in all of it."""
    if not history.env_error and await asyncio.to_thread(_is_hashed, history, workspace.settings.root):
        await asyncio.to_thread(keep, workspace.cache / FOLDER, key, asdict(history))


def _is_hashed(history: History, root: Path) -> bool:
    """Whether the key takes in every file of the history: env.py, the revisions, and no compiled one."""
    known = {path.resolve() for path in project_files(root, (".py",))}
    own = (Path(history.script_location) / "env.py", *(root / one.file for one in history.revisions))
    return bool(history.config) and all(path.suffix == ".py" and path.resolve() in known for path in own)


def _load(path: Path) -> History | None:
    """What was kept, None when there is nothing or another version wrote it."""
    try:
        found = json.loads(path.read_bytes())
        revisions = tuple(
            Revision(**{name: _listed(value) for name, value in one.items()}) for one in found["revisions"]
        )
        return History(**{**{name: _listed(value) for name, value in found.items()}, "revisions": revisions})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _listed(value: Any) -> Any:
    """Lists as the tuples that they were."""
    return tuple(_listed(one) for one in value) if isinstance(value, list) else value
