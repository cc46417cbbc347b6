"""The plugin's texts as tests read them: agents and skills, their front matter, their size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mcp_server.operations import OPERATIONS

ROOT = Path(__file__).resolve().parent.parent
AGENTS = sorted((ROOT / "agents").glob("*.md"))
SKILLS = sorted((ROOT / "skills").glob("*/SKILL.md"))
SERVER = "mcp__plugin_dbarch_db"
PREFIX = f"{SERVER}__"
TOOLS = {f"{PREFIX}{operation.name}" for operation in OPERATIONS}
ADR_LINE = "📋 Architectural decision detected: <brief>. Document? Run /sp.adr <title>."


def document(path: Path) -> tuple[dict[str, Any], str]:
    """The front matter and the body of a Markdown file."""
    _, front, body = path.read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def name_of(path: Path) -> str:
    return path.parent.name if path.name == "SKILL.md" else path.stem


def listed(value: object) -> list[str]:
    """The items of a list in front matter, which is written with commas."""
    return [word.strip() for word in str(value or "").split(",") if word.strip()]


def rights(path: Path) -> set[str]:
    """What an agent may use: the client's own tools, and those of our server by their bare names.

    The server's name alone means all of its tools; the client takes away what `disallowedTools` names.
    """
    front, _ = document(path)
    named = set(listed(front["tools"]))
    given = (named - {SERVER}) | (TOOLS if SERVER in named else set())
    return {tool.removeprefix(PREFIX) for tool in given - set(listed(front.get("disallowedTools")))}


def estimated(text: str) -> int:
    """The tokens that the client itself reckons for a text: a quarter of its characters (`claude plugin details`)."""
    return -(-len(text) // 4)
