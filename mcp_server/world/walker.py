"""One process of the user's interpreter for a whole task: it reads the history, and then walks it when it is told.

To import Alembic and all revisions takes as long as to replay them. The guest can reach one database only, which is named
before it starts and made when it is wanted: an empty one to replay on, then a copy of what that came to, under the same name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.model.orm import History
from mcp_server.world.alembic_process import Alembic, open_alembic
from mcp_server.world.guest_process import Guest
from mcp_server.world.history_reading import history_of, unread
from mcp_server.world.walks import limits

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.workspace import Workspace


class Walker:
    """A guest that has read the history and waits. sandbox: the database that it may reach, which is made when it is wanted."""

    def __init__(self, guest: Guest, sandbox: Sandbox, history: History) -> None:
        self.guest = guest
        self.sandbox = sandbox
        self.history = history

    def can_walk(self, sandbox: Sandbox, extra: Sequence[Path]) -> bool:
        """Whether it may be told to: it walks what it has read."""
        return sandbox.name == self.sandbox.name and not extra and not self.guest.has_ended


@asynccontextmanager
async def open_walker(workspace: Workspace) -> AsyncIterator[Walker | None]:
    """A walker that has read the project's history, for the length of a block; None when there is no Alembic configuration.

    Raises MigrationError when the revisions do not fit together or cannot be imported.
    """
    alembic = await open_alembic(workspace)
    if alembic is None:
        yield None
        return
    async with send(workspace, alembic) as (guest, sandbox):
        yield await hear_history(alembic, guest, sandbox)


@asynccontextmanager
async def send(workspace: Workspace, alembic: Alembic, **more: Any) -> AsyncIterator[tuple[Guest, Sandbox]]:
    """A guest that reads the history, and the database that it may reach afterwards. more: for guest/visit.py."""
    sandbox = await (await workspace.sandboxes()).promise()
    request = {"action": "read and walk", **limits(sandbox), **more}
    async with alembic.visiting(request, sandbox.url, alembic.settings.import_seconds) as guest:
        yield guest, sandbox


async def hear_history(alembic: Alembic, guest: Guest, sandbox: Sandbox) -> Walker:
    """The walker that a guest is once it has told the history. Raises MigrationError."""
    said = await guest.hear()
    if said is None:
        raise unread(alembic, await guest.end())
    guest.limit = alembic.settings.run_seconds
    return Walker(guest, sandbox, history_of(alembic, said["result"], said["versions"]))
