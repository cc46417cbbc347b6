"""`module:function` -> the SQL of that SQLAlchemy or SQLModel statement, compiled by the project's own interpreter."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ModelsError
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_errors import models_error
from mcp_server.world.guest_process import visit
from mcp_server.world.interpreter import find_interpreter

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

_NAME = re.compile(r"\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*")


@dataclass(frozen=True, slots=True)
class NamedStatement:
    """A statement as it was compiled. values: for its `$n`, in order. place: `file:line` of the function, "" when unknown."""

    sql: str
    values: tuple[Any, ...]
    place: str


def is_name(text: str) -> bool:
    """Whether a text is `module:function` and no SQL."""
    return _NAME.fullmatch(text) is not None


async def read_named_statement(workspace: Workspace, name: str, arguments: Sequence[Any]) -> NamedStatement:
    """Compile what a name stands for; nothing is connected to, and a session is only listened in the place of.

    arguments: for the function's parameters, in order, sessions left out. Raises ModelsError with the user's file and line.
    """
    settings = workspace.settings
    interpreter = await asyncio.to_thread(find_interpreter, settings)
    workspace.progress(f"compiling {name.strip()} with {interpreter}")
    request = {"action": "statement", "root": str(settings.root), "name": name.strip(), "arguments": list(arguments)}
    environment = guest_environment(settings.root, (settings.root / "backend",), driver=interpreter.driver)
    answer = await visit(
        interpreter, request, folder=settings.root, limit=settings.import_seconds, environment=environment
    )
    if answer.result is not None:
        file, line = answer.result["place"]
        return NamedStatement(answer.result["sql"], tuple(answer.result["values"]), f"{file}:{line}" if file else "")
    if answer.error.get("kind") == "no statement":
        raise ModelsError(
            f"{answer.error['message']}.",
            "Name a function that returns a select(), or that gives one to its session; params are its arguments.",
            *answer.error["place"],
        )
    if answer.error.get("kind") == "user":
        said = f"{answer.error['type']}: {answer.error['message']}"
        raise ModelsError(
            f"{name.strip()} failed: {said}", "Correct it, or give the SQL itself.", *answer.error["place"]
        )
    raise models_error(answer, interpreter, settings.import_seconds)
