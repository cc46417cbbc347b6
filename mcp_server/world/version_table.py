"""The name of Alembic's version table, asked of the sources first and of env.py only when they leave it open."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError
from mcp_server.model.orm import History
from mcp_server.model.schema import qualified
from mcp_server.world.alembic_config import find_config
from mcp_server.world.migrations import find_history

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

MENTION = re.compile(r"\bversion_table(?:_schema)?\b")
LOCATION = re.compile(r"^\s*script_location\s*=\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)


async def find_version_table(workspace: Workspace) -> str:
    """The version table's name as a Schema has it. Never fails: the usual name when Alembic cannot be asked."""
    try:
        config = find_config(workspace.settings, ambiguous_is_none=True)
        if config is None or not any(MENTION.search(text) for text in _texts(config.path, workspace.settings.root)):
            return History().version_table_identity
        return (await find_history(workspace)).version_table_identity
    except ArchitectError:
        return qualified("public", "alembic_version")


def _texts(config: Path, root: Path) -> list[str]:
    """The configuration, and the env.py files that it may lead to: from beside it, or from the project's root."""
    text = _read(config)
    texts = [text]
    for location in LOCATION.findall(text):
        folder = location.replace("%(here)s", str(config.parent)).replace("\\", "/")
        texts.extend(_read(start / folder / "env.py") for start in {config.parent, root})
    return texts


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
