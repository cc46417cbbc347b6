"""The user's Alembic in a process of their interpreter, and how it is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_server.world.alembic_config import AlembicConfig, find_config
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_process import Answer, Guest, visiting
from mcp_server.world.interpreter import Interpreter, find_interpreter
from mcp_server.world.settings import Settings

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Alembic:
    """The means to run the user's Alembic."""

    config: AlembicConfig
    interpreter: Interpreter
    settings: Settings

    def visiting(self, request: Mapping[str, Any], url: str, limit: float) -> AbstractAsyncContextManager[Guest]:
        """A guest that works on a request in the folder of the configuration. url: the sandbox's, "" for none."""
        folder = self.config.path.parent
        return visiting(
            self.interpreter,
            {"root": str(self.settings.root), **self.config.request(), **request},
            folder=folder,
            environment=guest_environment(self.settings.root, (folder,), url, driver=self.interpreter.driver),
            limit=limit,
        )

    async def visit(self, request: Mapping[str, Any], url: str, limit: float) -> Answer:
        """Run a request that needs no replies."""
        async with self.visiting(request, url, limit) as guest:
            await guest.hear()
            return await guest.end()

    @property
    def label(self) -> str:
        """The configuration's file, as the user knows it."""
        return self.config.label(self.settings.root)


async def open_alembic(workspace: Workspace) -> Alembic | None:
    """The means to run the user's Alembic; None when the project does not configure any.

    Raises ConfigError and MigrationError as find_config and find_interpreter do.
    """
    config = find_config(workspace.settings)
    if config is None:
        return None
    interpreter = await asyncio.to_thread(find_interpreter, workspace.settings)
    return Alembic(config, interpreter, workspace.settings)
