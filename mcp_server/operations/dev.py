"""A Postgres for the user's own development: the embedded one, with data that stay."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Development:
    """A running server. url: of the project's database, with its password. data: where its files are."""

    url: str = field(repr=False)
    data: str

    @property
    def text(self) -> str:
        return (
            f"Postgres runs until Ctrl-C. For the project's .env:\n\nDATABASE_URL={self.url}\n\n"
            f"The data stay in {self.data}."
        )


@asynccontextmanager
async def development_database(workspace: Workspace) -> AsyncIterator[Development]:
    """Start the project's development server, or join the one that runs, and make its database when it is new."""
    from mcp_server.world.database import connect, finish, translating
    from mcp_server.world.embedded import open_server

    root = workspace.settings.root
    key = hashlib.sha256(str(root).encode()).hexdigest()[:8]
    name = re.sub(r"\W+", "_", root.name.lower()).strip("_") or "app"
    server = await open_server(workspace.cache, durable=True, name=f"dev-{name[:30]}-{key}")
    try:
        connection = await connect(server.url())
        try:
            with translating("making the development database"):
                if not await connection.fetchval("select true from pg_catalog.pg_database where datname = $1", name):
                    await connection.execute(f'create database "{name}"')
        finally:
            await finish(connection.close(timeout=5))
        yield Development(server.url(name), str(server.home))
    finally:
        server.close()
