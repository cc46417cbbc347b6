"""What all calls of one door share: idle connections, the live schema, sandboxes, the ledger."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_server.redactor import Redactor

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.model.schema import Schema
    from mcp_server.world.catalog import State
    from mcp_server.world.ledger import Ledger
    from mcp_server.world.sandbox import Sandboxes

    Connection = asyncpg.Connection[asyncpg.Record]

STALE_AFTER = 60.0
SCHEMAS_KEPT = 8
CLOSE_WITHIN = 5.0


@dataclass(slots=True)
class Shelf:
    """idle: open connections to `live` and when each was put back. sandboxes: by major version, 0 for any.

    schemas: of templates, by the server's version and the template's name, the last used last.
    near: server_version_num of what sandboxes are to be like, 0 when nobody asked. reading: the last Schema of `live`,
    and the State that tells whether it still stands. neon_projects: the id of the Neon project, by the database's URL.
    """

    idle: list[tuple[Connection, float]] = field(default_factory=list)
    reading: tuple[Schema, State] | None = None
    sandboxes: dict[int, Sandboxes] = field(default_factory=dict)
    schemas: dict[tuple[int, str], Schema] = field(default_factory=dict)
    near: int = 0
    neon_projects: dict[str, str] = field(default_factory=dict)
    ledger: Ledger | None = None
    redactor: Redactor | None = None

    async def take(self, url: str) -> Connection:
        """An idle connection that still answers (one that rested long is asked first), else a new one."""
        while self.idle:
            connection, since = self.idle.pop()
            if connection.is_closed():
                continue
            if time.monotonic() - since < STALE_AFTER or await _answers(connection):
                return connection
            await _close(connection)
        from mcp_server.world.database import connect

        return await connect(url)

    async def put_back(self, connection: Connection, *, keep: bool) -> None:
        """Keep a connection for the next call, unless its state is in doubt."""
        if connection.is_closed():
            return
        if keep and not connection.is_in_transaction():
            self.idle.append((connection, time.monotonic()))
        else:
            await _close(connection)

    def keep_schema(self, version: int, template: str, schema: Schema) -> None:
        """Keep what a template holds, and the last few besides."""
        self.schemas.pop((version, template), None)
        self.schemas[version, template] = schema
        while len(self.schemas) > SCHEMAS_KEPT:
            del self.schemas[next(iter(self.schemas))]

    def kept_schema(self, version: int, template: str) -> Schema | None:
        """What a template holds, where it was read before."""
        schema = self.schemas.get((version, template))
        if schema is not None:
            self.keep_schema(version, template, schema)
        return schema

    async def clear(self) -> None:
        """Close the connections and the sandboxes."""
        self.schemas.clear()
        while self.idle:
            await _close(self.idle.pop()[0])
        while self.sandboxes:
            _, sandboxes = self.sandboxes.popitem()
            await sandboxes.close()


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
