"""The project at hand: its root, its settings, its connections. Opened once by a door."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import ConfigError
from mcp_server.world.settings import Settings, read_settings

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.model.schema import Schema
    from mcp_server.world.ledger import Ledger
    from mcp_server.world.sandbox import Sandboxes

    Connection = asyncpg.Connection[asyncpg.Record]

__all__ = ["Progress", "Settings", "Workspace", "read_settings"]

Progress = Callable[[str, float | None], None]

STALE_AFTER = 60.0
CLOSE_WITHIN = 5.0


@dataclass(slots=True)
class Shelf:
    """What all calls of one door share. idle: open connections to `live` and when each was put back."""

    idle: list[tuple[Connection, float]] = field(default_factory=list)
    schemas: dict[str, Schema] = field(default_factory=dict)
    sandboxes: dict[int, Sandboxes] = field(default_factory=dict)


class Workspace:
    """One project, seen by one call.

    `Workspace.open()` gives the door's own; `call()` gives each call a view of it with its own progress and
    its own connection, so that calls that run at the same time never share one.
    """

    def __init__(self, settings: Settings, progress: Progress | None = None, shelf: Shelf | None = None) -> None:
        self.settings = settings
        self._progress = progress
        self._shelf = shelf if shelf is not None else Shelf()
        self._live: Connection | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, root: Path | str | None = None, progress: Progress | None = None) -> AsyncIterator[Workspace]:
        """The workspace of the project at `root`, found by the environment when not given. Never fails."""
        workspace = cls(read_settings(Path(root) if root is not None else None), progress)
        try:
            yield workspace
        finally:
            await workspace.close()

    @asynccontextmanager
    async def call(self, progress: Progress | None = None) -> AsyncIterator[Workspace]:
        """A view for one call. Its connection goes back to the shelf; when the call failed it is closed."""
        view = Workspace(self.settings, progress, self._shelf)
        try:
            yield view
        except BaseException:
            await view._let_go(keep=False)
            raise
        await view._let_go(keep=True)

    @property
    def schemas(self) -> dict[str, Schema]:
        """Schemas that were read, by source word; whoever reads them revalidates them."""
        return self._shelf.schemas

    @property
    def cache(self) -> Path:
        """The user's cache folder, made when it is not there.

        Raises ConfigError when it cannot be made or written.
        """
        folder = self.settings.cache
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"The cache folder {folder} cannot be made: {error.strerror or error}.",
                "Set DBARCH_CACHE_DIR to a folder that can be written.",
            ) from error
        return folder

    @property
    def ledger(self) -> Ledger:
        """What was run in this project, for evidence."""
        from mcp_server.world.ledger import Ledger

        return Ledger(self.settings.root)

    def progress(self, message: str, done: float | None = None) -> None:
        """Tell whoever waits what is being done; `done` is the part of the whole, 0 to 1, when known."""
        if self._progress is not None:
            self._progress(message, done)

    async def live(self) -> Connection:
        """The call's own connection to the project's database, opened again when it broke.

        Raises ConfigError when no database is named, ConnectionFailed when it cannot be reached.
        """
        if self._live is not None and not self._live.is_closed():
            return self._live
        if not self.settings.database_url:
            raise self._no_database()
        self._live = await self._from_shelf()
        if self._live is None:
            from mcp_server.world.database import connect

            self._live = await connect(self.settings.database_url)
        return self._live

    async def sandboxes(self, near: int | None = None) -> Sandboxes:
        """The sandboxes, on the server given by DBARCH_SANDBOX_URL or on the embedded Postgres.

        near: server_version_num of the target, for the embedded Postgres that is nearest to it; without it, those
        that are open already will do.
        """
        from mcp_server.world.sandbox import open_sandboxes

        opened = self._shelf.sandboxes
        url = self.settings.sandbox_url
        major = 0 if url else (near or 0) // 10_000
        if not major and opened:
            return next(iter(opened.values()))
        if major not in opened:
            opened[major] = await open_sandboxes(cache=self.cache, sandbox_url=url, near_version=near)
        return opened[major]

    async def close(self) -> None:
        """Close what is open and drop the sandboxes; a connection that does not answer is cut off."""
        await self._let_go(keep=False)
        while self._shelf.sandboxes:
            _, sandboxes = self._shelf.sandboxes.popitem()
            await sandboxes.close()
        for connection, _ in self._shelf.idle:
            await _close(connection)
        self._shelf.idle.clear()

    def _no_database(self) -> ConfigError:
        named = [problem for problem in self.settings.problems if "Postgres URL" in problem or "URL that" in problem]
        return ConfigError(
            named[0] if named else "No database is configured.",
            "Set DBARCH_DATABASE_URL or DATABASE_URL, in the environment or in the project's .env, "
            "or start one of your own with `dbarch dev`.",
        )

    async def _from_shelf(self) -> Connection | None:
        """An idle connection that still answers; those that rested long are asked first."""
        while self._shelf.idle:
            connection, since = self._shelf.idle.pop()
            if connection.is_closed():
                continue
            if time.monotonic() - since < STALE_AFTER or await _answers(connection):
                return connection
            await _close(connection)
        return None

    async def _let_go(self, *, keep: bool) -> None:
        connection, self._live = self._live, None
        if connection is None or connection.is_closed():
            return
        if keep and not connection.is_in_transaction():
            self._shelf.idle.append((connection, time.monotonic()))
        else:
            await _close(connection)


async def _answers(connection: Connection) -> bool:
    import asyncpg

    try:
        await connection.execute("select 1", timeout=CLOSE_WITHIN)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


async def _close(connection: Connection) -> None:
    """Close in order, which cancels a running statement on the server; cut off after CLOSE_WITHIN seconds."""
    import asyncpg

    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await connection.close(timeout=CLOSE_WITHIN)
