"""The server that throw-away databases are made on: the embedded one, or the one of DBARCH_SANDBOX_URL."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import asyncpg

from mcp_server.errors import ConfigError, ConnectionFailed, PermissionDenied
from mcp_server.world.database import connect, translating
from mcp_server.world.embedded import Server, open_server
from mcp_server.world.urls import Target, is_set, read_url

OLDEST = 140000

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class SandboxServer:
    """Where throw-away databases are made. Nothing is started or connected to before the first `connect`."""

    def __init__(
        self, cache: Path, *, sandbox_url: str, near_version: int | None, binaries: Path | None, buffers_mb: int
    ) -> None:
        self._cache = cache
        self._buffers_mb = buffers_mb
        self._near_version = near_version
        self._binaries = binaries
        self._given: Target | None = read_url(sandbox_url).direct() if is_set(sandbox_url) else None
        self._embedded: Server | None = None
        self.version = 0

    @property
    def is_embedded(self) -> bool:
        """Whether it is the embedded Postgres and not a server that the user named."""
        return self._given is None

    @property
    def target(self) -> Target:
        """The database to manage the others from."""
        if self._given is not None:
            return self._given
        assert self._embedded is not None
        return read_url(self._embedded.url())

    def url(self, database: str) -> str:
        """The URL of one of its databases, password included."""
        return self.target.url(database=database)

    async def connect(self) -> Connection:
        """A connection to a running server whose role may create databases; it is started when it is ours."""
        try:
            connection = await self._connect()
        except ConnectionFailed:
            if not self.is_embedded:
                raise
            # The server may have been dying while it was looked at.
            connection = await self._connect()
        try:
            self.version = await _read_version(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    async def _connect(self) -> Connection:
        if self.is_embedded and self._embedded is None:
            self._embedded = await open_server(
                self._cache, near_version=self._near_version, binaries=self._binaries, buffers_mb=self._buffers_mb
            )
        elif self._embedded is not None:
            await self._embedded.ensure()
        return await connect(self.target, application_name="dbarch sandboxes")

    def close(self) -> None:
        """Use it no longer; the last user's embedded server stops."""
        if self._embedded is not None:
            self._embedded.close()
            self._embedded = None


async def _read_version(connection: Connection) -> int:
    """server_version_num of a server that suits; PermissionDenied or ConfigError says why it does not."""
    with translating("looking at the sandbox server"):
        row = await connection.fetchrow(
            "select current_setting('server_version_num')::int as version, rolcreatedb or rolsuper as may_create"
            " from pg_catalog.pg_roles where rolname = current_user"
        )
    if row is None or not row["may_create"]:
        raise PermissionDenied(
            "The role of DBARCH_SANDBOX_URL may not create databases.",
            "Run `alter role ... createdb` as an administrator, or unset DBARCH_SANDBOX_URL to use the embedded Postgres.",
            "42501",
        )
    version = int(row["version"])
    if version < OLDEST:
        raise ConfigError(
            f"The server of DBARCH_SANDBOX_URL is PostgreSQL {version // 10000}; 14 or later is needed.",
            "Name a newer one, or unset DBARCH_SANDBOX_URL to use the embedded Postgres.",
        )
    return version
