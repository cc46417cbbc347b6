"""Write launcher/catalogue.json: what the server lists, for the launcher to say while it installs the server."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / "launcher" / "catalogue.json"
sys.path.insert(0, str(ROOT))

from mcp_server.server import ArchitectServer  # noqa: E402
from mcp_server.world.settings import Settings  # noqa: E402
from mcp_server.world.workspace import Workspace  # noqa: E402


async def catalogue() -> dict[str, Any]:
    """What the server lists, as on the wire."""
    server = ArchitectServer(Workspace(Settings(ROOT)))
    info = {"name": server.name, "title": server.title, "version": server.version}
    return {
        "serverInfo": info,
        "tools": _on_the_wire(await server.list_tools()),
        "prompts": _on_the_wire(await server.list_prompts()),
        "resources": _on_the_wire(await server.list_resources()),
        "resourceTemplates": _on_the_wire(await server.list_resource_templates()),
    }


def _on_the_wire(items: Iterable[BaseModel]) -> list[dict[str, Any]]:
    return [item.model_dump(by_alias=True, mode="json", exclude_none=True) for item in items]


def text() -> str:
    """The file's content."""
    return json.dumps(asyncio.run(catalogue()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), "utf-8")
