"""What a client asks at the start, answered without the server: the handshake of both protocol eras, and the lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Message = dict[str, Any]

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSIONS = ("2026-07-28",)
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
INSTALLING = (
    "dbarch is installing its packages; this happens once, at the first start or after an update. "
    "A call waits until they are there (a minute, as a rule) and is then carried out."
)
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
# What the real server says that it can do (tests/test_launcher.py compares). During an installation a client of the old era is
# told when the tools may have changed.
STATIC = {"listChanged": False}
LIVELY = {"listChanged": True}
LEGACY = {"prompts": STATIC, "resources": {**STATIC, "subscribe": False}, "tools": STATIC}
MODERN = {"prompts": LIVELY, "resources": {**LIVELY, "subscribe": True}, "tools": LIVELY}


def handshake(message: Message, catalogue: Message, instructions: str, is_ready: bool) -> Message:
    """The result of `initialize`."""
    params = message.get("params")
    asked = params.get("protocolVersion") if isinstance(params, dict) else None
    return {
        "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
        "capabilities": LEGACY if is_ready else {**LEGACY, "tools": LIVELY},
        "serverInfo": catalogue["serverInfo"],
        "instructions": instructions,
    }


def discovery(catalogue: Message, instructions: str) -> Message:
    """The result of `server/discover`."""
    told = {"supportedVersions": list(MODERN_VERSIONS), "capabilities": MODERN, "instructions": instructions}
    return _framed(told, catalogue)


def in_era(message: Message, result: Message, catalogue: Message) -> Message:
    """A result as the era of its request wants it."""
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    is_modern = isinstance(meta, dict) and meta.get(VERSION_KEY) in MODERN_VERSIONS
    return _framed(result, catalogue) if is_modern else result


def _framed(result: Message, catalogue: Message) -> Message:
    frame = {"resultType": "complete", "cacheScope": "private", "ttlMs": 0}
    return {**result, **frame, "_meta": {SERVER_KEY: catalogue["serverInfo"]}}


def read_catalogue(path: Path) -> Message:
    """What the server lists; nothing from a damaged plugin folder, the server itself says it later."""
    try:
        read: Message = json.loads(path.read_text("utf-8"))
        return read
    except (OSError, ValueError):
        return {"serverInfo": {"name": "dbarch", "version": "0"}, **{key: [] for key in LISTS.values()}}


def of_project() -> str:
    """What the real server says of the project at once; "" where this Python is too old for it."""
    try:
        from mcp_server import instructions

        return str(instructions.of_project())
    except Exception:  # noqa: BLE001 - a handshake is answered whatever a project holds
        return ""
