"""Throw-away databases: made empty or from a cached template, and gone when their process is.

They live on the embedded Postgres, or on the server of DBARCH_SANDBOX_URL, whose role needs CREATEDB. Every database
carries its owner in its name (owner.py); `sweep` drops those whose owner is gone and never one without our prefix.

A template is filled in an ordinary database that its owner holds, and becomes a template by being renamed: a failed or
killed fill therefore leaves only an orphan, which is swept.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from mcp_server.errors import ConnectionFailed, DatabaseError, NotFound
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.owner import PREFIX, new_name, read_owner
from mcp_server.world.sandbox_server import Connection, SandboxServer
from mcp_server.world.urls import Target

TEMPLATE_PREFIX = "dbarch_template_"
TEMPLATES_KEPT = 12
NO_DATABASE = "3D000"
HOLD = "select pg_advisory_lock_shared(hashtextextended($1, 2))"

Fill = Callable[["Sandbox"], Awaitable[None]]
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A throw-away database. url: postgresql://, for any driver, with its password. server_version: as 180004.

    is_embedded: it is on the embedded server, which nobody else uses.
    """

    name: str
    url: str = field(repr=False)
    server_version: int
    is_embedded: bool = True


class Sandboxes:
    """Makes and drops throw-away databases on one server. Belongs to one event loop; close it at the end."""

    def __init__(self, server: SandboxServer) -> None:
        self._server = server
        self._control: Connection | None = None
        self._lock = asyncio.Lock()
        self._mine: set[str] = set()
        self._templates: set[str] = set()

    @property
    def is_embedded(self) -> bool:
        """Whether the databases are made on the embedded Postgres and not on a server that the user named."""
        return self._server.is_embedded

    @property
    def server(self) -> Target:
        """The server, by the database that the others are managed from; known after `start`."""
        return self._server.target

    @property
    def server_version(self) -> int:
        """server_version_num of the server, 0 before the first use."""
        return self._server.version

    async def promise(self) -> Sandbox:
        """A sandbox that is not there yet: whoever is to use it may be told the way before create() or lend() make it."""
        await self.start()
        name = new_name(next(_numbers))
        return Sandbox(name, self._server.url(name), self.server_version, self.is_embedded)

    async def create(self, template: str = "", promised: Sandbox | None = None) -> Sandbox:
        """A fresh database: empty, or a copy of a template that `template()` returned. promised: the one to make."""
        if template and not template.startswith(TEMPLATE_PREFIX):
            raise NotFound(f"{template} is not a template.", "Ask for one with template() first.")
        sandbox = promised or await self.promise()
        try:
            await finish(self._create(sandbox.name, template))
        except asyncio.CancelledError:
            await finish(self._drop(sandbox.name))
            raise
        return sandbox

    async def drop(self, sandbox: Sandbox) -> None:
        """Drop a sandbox, with whoever is connected to it. One that is gone already is no error."""
        await finish(self._drop(sandbox.name))

    @asynccontextmanager
    async def lend(self, template: str = "", promised: Sandbox | None = None) -> AsyncIterator[Sandbox]:
        """A fresh database for the length of a block; it is dropped also when the block fails or is cancelled."""
        sandbox = await self.create(template, promised)
        try:
            yield sandbox
        finally:
            await self.drop(sandbox)

    async def template(self, key: str, fill: Fill, start: str = "", promised: Sandbox | None = None) -> str:
        """The name of the template for `key`; the first caller of all processes fills it, the others wait for that.

        key: whatever tells its content apart; it is hashed. fill: brings a fresh sandbox into the wanted state and
        closes its own connections. When it raises, nothing stays. start: the template that the fresh sandbox is a copy of.
        promised: the fresh sandbox; once it is filled, its name is free again.
        """
        await self.start()
        # Another role's template could neither be copied nor dropped by ours.
        own_key = f"{self.server.user} {key}"
        name = TEMPLATE_PREFIX + hashlib.sha256(own_key.encode()).hexdigest()[:32]
        if await self._use(name):
            return name
        waiting = await connect(self._server.target)
        try:
            with translating("waiting for a template"):
                await waiting.execute("select pg_advisory_lock(hashtextextended($1, 1))", name)
            if not await self._use(name):
                await self._fill(name, fill, start, promised)
        finally:
            await finish(waiting.close())
        await self._evict()
        return name

    async def list_orphans(self) -> tuple[str, ...]:
        """Names of the databases of ours whose process is gone."""
        await self.start()
        return tuple(name for name in await self._names() if (owner := read_owner(name)) and owner.is_gone())

    async def sweep(self) -> tuple[str, ...]:
        """Drop the databases whose process is gone; their names."""
        orphans = await self.list_orphans()
        for name in orphans:
            await finish(self._drop(name))
        return orphans

    async def close(self) -> None:
        """Drop what was created and not dropped, and leave the server. The last user's embedded server stops."""
        await finish(self._close())

    async def __aenter__(self) -> Sandboxes:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the server, or connect to it, unless that was done; sweep once. Every other method does this itself."""
        async with self._lock:
            if self._control is not None and not self._control.is_closed():
                return
            first = self._control is None
            await self._connect()
        if first:
            await self.sweep()

    async def _connect(self) -> None:
        """A new control connection, which holds the templates in use against eviction."""
        control = await self._server.connect()
        try:
            for name in self._templates:
                await control.execute(HOLD, name)
        except BaseException:
            control.terminate()
            raise
        self._control = control

    async def _run(self, sql: str, *parameters: Any) -> list[asyncpg.Record]:
        """One statement on the control connection, one at a time; once more when the connection proved to be gone."""
        try:
            return await self._try(sql, *parameters)
        except ConnectionFailed:
            if self._control is not None and not self._control.is_closed():
                raise
            return await self._try(sql, *parameters)

    async def _try(self, sql: str, *parameters: Any) -> list[asyncpg.Record]:
        await self.start()
        async with self._lock:
            assert self._control is not None
            with translating("managing throw-away databases"):
                return await self._control.fetch(sql, *parameters)

    async def _names(self) -> tuple[str, ...]:
        """Every database with our prefix that our role may drop."""
        rows = await self._run(
            "select datname from pg_catalog.pg_database"
            " where starts_with(datname, $1) and pg_catalog.pg_has_role(datdba, 'member') order by 1",
            PREFIX,
        )
        return tuple(row["datname"] for row in rows)

    async def _create(self, name: str, template: str) -> None:
        # FILE_COPY is the faster one where nothing is synced to disk, and only there.
        strategy = " strategy file_copy" if self.is_embedded and self.server_version >= 150000 else ""
        encoding = "" if template else " encoding 'UTF8'"
        self._mine.add(name)
        try:
            await self._run(f'create database "{name}" template "{template or "template0"}"{encoding}{strategy}')
        except DatabaseError as error:
            self._mine.discard(name)
            if error.sqlstate == NO_DATABASE:
                raise NotFound(f"There is no template {template}.", "Ask for it with template() first.") from error
            raise

    async def _drop(self, name: str) -> None:
        await self._run(f'drop database if exists "{name}" with (force)')
        self._mine.discard(name)

    async def _use(self, name: str) -> bool:
        """Whether the template exists; then it is marked as used now, and held against eviction until we close."""
        if name not in self._templates:
            await self._run(HOLD, name)
        self._templates.add(name)
        if name not in await self._names():
            return False
        await self._run(f"comment on database \"{name}\" is 'used {time.time():.3f}'")
        return True

    async def _fill(self, name: str, fill: Fill, start: str, promised: Sandbox | None) -> None:
        async with self.lend(start, promised) as sandbox:
            await fill(sandbox)
            await finish(self._promote(sandbox.name, name))

    async def _promote(self, sandbox: str, name: str) -> None:
        """Turn a filled database into a template that nobody can connect to."""
        await self._run(f'alter database "{sandbox}" allow_connections false')
        await self._run("select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1", sandbox)
        await self._run(f"comment on database \"{sandbox}\" is 'used {time.time():.3f}'")
        await self._run(f'alter database "{sandbox}" rename to "{name}"')
        self._mine.discard(sandbox)

    async def _evict(self) -> None:
        """Drop the templates that were not used for longest, beyond the number kept, and none that anyone holds."""
        rows = await self._run(
            "select datname from pg_catalog.pg_database"
            " where starts_with(datname, $1) and pg_catalog.pg_has_role(datdba, 'member')"
            " order by pg_catalog.shobj_description(oid, 'pg_database') desc nulls last offset $2",
            TEMPLATE_PREFIX,
            TEMPLATES_KEPT,
        )
        for name in (row["datname"] for row in rows):
            if name in self._templates:
                continue
            free = await self._run("select pg_try_advisory_lock(hashtextextended($1, 2)) as free", name)
            if not free[0]["free"]:
                continue
            try:
                await self._run(f'drop database if exists "{name}" with (force)')
            finally:
                await self._run("select pg_advisory_unlock(hashtextextended($1, 2))", name)

    async def _close(self) -> None:
        try:
            # Where the server is gone nothing is dropped: it would be started for that. The next sweep does it.
            if self._control is not None and not self._control.is_closed():
                for name in tuple(self._mine):
                    await self._drop(name)
        finally:
            if self._control is not None:
                await self._control.close(timeout=5)
                self._control = None
            self._server.close()


async def open_sandboxes(
    *,
    cache: Path,
    sandbox_url: str = "",
    near_version: int | None = None,
    binaries: Path | None = None,
    buffers_mb: int = 0,
) -> Sandboxes:
    """The provider of throw-away databases; its server is started, or connected to, at the first use.

    cache: the user's cache folder. sandbox_url: DBARCH_SANDBOX_URL, empty for the embedded Postgres. near_version:
    server_version_num of the target, to choose the nearest embedded one. binaries: Postgres's programs to use instead.
    buffers_mb: shared_buffers of an embedded server apart from the usual one, 0 for that one.
    """
    server = SandboxServer(
        cache, sandbox_url=sandbox_url, near_version=near_version, binaries=binaries, buffers_mb=buffers_mb
    )
    return Sandboxes(server)
