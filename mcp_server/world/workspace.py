"""The project at hand: its root, its settings, its connections. Opened once by a door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ArchitectError, ConfigError, Unavailable
from mcp_server.redactor import Redactor
from mcp_server.world.settings import Settings, read_settings
from mcp_server.world.shelf import Shelf

if TYPE_CHECKING:
    from mcp_server.model.schema import Schema
    from mcp_server.world.ledger import Ledger
    from mcp_server.world.sandbox import Sandboxes
    from mcp_server.world.shelf import Connection

__all__ = ["Progress", "Settings", "Workspace", "read_settings"]

Progress = Callable[[str, float | None], None]


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
        """A view for one call. Its connection goes back to the shelf; when the call is cancelled it is closed."""
        view = Workspace(self.settings, progress, self._shelf)
        keep = False
        try:
            yield view
            keep = True
        except ArchitectError as error:
            keep = not isinstance(error, Unavailable)
            raise
        finally:
            await view._let_go(keep=keep)

    def configured(self, **settings: Any) -> Workspace:
        """The same workspace with some settings changed; connections and sandboxes are shared."""
        return Workspace(replace(self.settings, **settings), self._progress, self._shelf)

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

        if self._shelf.ledger is None:
            self._shelf.ledger = Ledger(self.settings.root, self.redactor)
        return self._shelf.ledger

    @property
    def redactor(self) -> Redactor:
        """Hides the passwords of the configured databases, and whatever looks like a secret."""
        if self._shelf.redactor is None:
            self._shelf.redactor = Redactor()
            for url in (self.settings.database_url, self.settings.sandbox_url, *self.settings.other_urls):
                self._shelf.redactor.add_url(url)
            if self.settings.neon_key:
                self._shelf.redactor.add(self.settings.neon_key)
        return self._shelf.redactor

    @property
    def neon_project(self) -> str:
        """The id of the Neon project of the configured database, "" before it was looked for."""
        return self._shelf.neon_projects.get(self.settings.database_url, "")

    @neon_project.setter
    def neon_project(self, identity: str) -> None:
        self._shelf.neon_projects[self.settings.database_url] = identity

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
        self._live = await self._shelf.take(self.settings.database_url)
        return self._live

    async def live_schema(self) -> Schema:
        """The Schema of the project's database. One round trip, and a light one while nothing was changed there."""
        from mcp_server.world.catalog import read_with_state, revalidate

        connection = await self.live()
        known = self._shelf.reading
        if known is None or not await revalidate(connection, known[1]):
            known = self._shelf.reading = await read_with_state(connection)
        return known[0]

    def keep_schema(self, version: int, template: str, schema: Schema) -> None:
        """Remember what a sandbox template holds. version: of the server that it is on."""
        self._shelf.keep_schema(version, template, schema)

    def kept_schema(self, version: int, template: str) -> Schema | None:
        """What a sandbox template holds, where it was read before."""
        return self._shelf.kept_schema(version, template)

    async def sandboxes(self, near: int | None = None) -> Sandboxes:
        """The sandboxes, on the server given by DBARCH_SANDBOX_URL or on the embedded Postgres.

        near: server_version_num of the target, for the embedded Postgres that is nearest to it; without it, what
        prefer_live_version() found, else those that are open already.
        """
        from mcp_server.world.sandbox import open_sandboxes

        opened = self._shelf.sandboxes
        url = self.settings.sandbox_url
        near = near or self._shelf.near or None
        major = 0 if url else (near or 0) // 10_000
        if not major and opened:
            return next(iter(opened.values()))
        if major not in opened:
            opened[major] = await open_sandboxes(cache=self.cache, sandbox_url=url, near_version=near)
        return opened[major]

    async def prefer_live_version(self) -> None:
        """From now on open sandboxes like the project's database, where it answers: what is rehearsed may run there then."""
        if self.settings.database_url and not self.settings.sandbox_url and not self._shelf.near:
            from mcp_server.world.database import connect

            with suppress(ArchitectError):  # a rehearsal needs no database that is in use
                connection = await connect(self.settings.database_url)
                self._shelf.near = connection.get_server_version().major * 10_000
                await connection.close(timeout=5)

    async def close(self) -> None:
        """Close what is open and drop the sandboxes; a connection that does not answer is cut off."""
        await self._let_go(keep=False)
        await self._shelf.clear()

    async def _let_go(self, *, keep: bool) -> None:
        connection, self._live = self._live, None
        if connection is not None:
            await self._shelf.put_back(connection, keep=keep)

    def _no_database(self) -> ConfigError:
        origin = self.settings.database_origin
        wrong = [problem for problem in self.settings.problems if origin and problem.startswith(f"{origin}: ")]
        return ConfigError(
            wrong[0] if wrong else "No database is configured.",
            "Set DBARCH_DATABASE_URL or DATABASE_URL, in the environment or in the project's .env, "
            "or start one of your own with `dbarch dev`.",
        )
