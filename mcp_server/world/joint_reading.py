"""Models and history, read by one process: env.py imports the models anyway, and to import them again takes as long.

Only where it comes to the same as reading each by itself, see guest/probe.py read_configured(). The same process replays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError
from mcp_server.model.orm import History, Models
from mcp_server.world.alembic_process import Alembic, open_alembic
from mcp_server.world.database import finish
from mcp_server.world.guest_environment import guest_environment
from mcp_server.world.guest_process import Guest
from mcp_server.world.known_history import find_known_history, keep_history
from mcp_server.world.known_models import find_known_models, keep_models
from mcp_server.world.migrations import find_history
from mcp_server.world.models import as_models, folders_of, read_models
from mcp_server.world.sandbox import Sandbox
from mcp_server.world.walker import Walker, hear_history, send

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


class JointReading:
    """The models and the history of a project: as they are known, or from the process that reads both."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tasks: list[asyncio.Task[None] | asyncio.Task[Models | None] | asyncio.Task[Walker]] = []
        self._begun: asyncio.Task[None] | None = None
        self._models: asyncio.Task[Models | None] | None = None
        self._walker: asyncio.Task[Walker] | None = None
        self._is_taken = False

    async def models(self) -> Models:
        """As read_known_models()."""
        version = await self._start()
        key, known = await find_known_models(self._workspace, version)
        if known is None:
            known = await self._models if self._models else None
            known = known or await read_models(self._workspace, version)
            await keep_models(self._workspace, key, known)
        return known

    async def history(self) -> tuple[History, Walker | None]:
        """As read_known_history(), and for the first who asks the process that can replay it, where one has read it."""
        await self._start()
        key, known = await find_known_history(self._workspace)
        if known is not None:
            return known, None
        walker = await self._walker if self._walker else None
        known = walker.history if walker else await find_history(self._workspace)
        await keep_history(self._workspace, key, known)
        free, self._is_taken = not self._is_taken, True
        return known, walker if free else None

    async def _start(self) -> int:
        """Wait for the process to be started, where it is worth one. -> the version of the Postgres of the sandboxes."""
        if self._begun:
            await self._begun
        sandboxes = await self._workspace.sandboxes()
        await sandboxes.start()
        return sandboxes.server_version

    def begin(self, stack: AsyncExitStack) -> None:
        """Start what both wait for. stack: ends the process."""
        self._begun = asyncio.create_task(self._begin(stack))
        self._tasks.append(self._begun)

    async def _begin(self, stack: AsyncExitStack) -> None:
        sandboxes = await self._workspace.sandboxes()
        await sandboxes.start()
        version = sandboxes.server_version
        alembic = await _alembic(self._workspace)
        if alembic is None or (await find_known_history(self._workspace))[1]:
            return
        is_known = (await find_known_models(self._workspace, version))[1] is not None
        wanted = {} if is_known else {"server_version": version}
        self._workspace.progress(
            f"reading the history{'' if is_known else ' and the models'} with {alembic.interpreter}"
        )
        guest, sandbox = await stack.enter_async_context(send(self._workspace, alembic, **wanted))
        self._models = asyncio.create_task(_hear_models(alembic, guest, bool(wanted)))
        self._walker = asyncio.create_task(_hear_walker(alembic, guest, sandbox, self._models))
        self._tasks += [self._models, self._walker]

    async def end(self) -> None:
        """Let go of what nobody waits for any more; an error that nobody asked for is not told."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def open_reading(workspace: Workspace, *, jointly: bool) -> AsyncIterator[JointReading]:
    """For the length of a block. jointly: both models and history will be asked for."""
    reading = JointReading(workspace)
    async with AsyncExitStack() as stack:
        if jointly:
            reading.begin(stack)
        try:
            yield reading
        finally:
            await finish(reading.end())


async def _alembic(workspace: Workspace) -> Alembic | None:
    """The means, where models and history are read in the same surroundings."""
    settings = workspace.settings
    try:
        alembic = None if settings.models else await open_alembic(workspace)
    except ArchitectError:  # told by who reads the history by itself
        return None
    if alembic is None:
        return None
    folders = folders_of(settings, alembic.config)
    own = guest_environment(settings.root, (alembic.config.path.parent,))
    return alembic if own == guest_environment(settings.root, folders) else None


async def _hear_models(alembic: Alembic, guest: Guest, wanted: bool) -> Models | None:
    said = await guest.hear() if wanted else None
    if said is None or said["result"] is None:
        return None
    return as_models(said["result"], said["versions"], str(alembic.interpreter))


async def _hear_walker(alembic: Alembic, guest: Guest, sandbox: Sandbox, models: asyncio.Task[Models | None]) -> Walker:
    await models  # it is told first
    return await hear_history(alembic, guest, sandbox)
