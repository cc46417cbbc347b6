"""inspect_schema as a door would call it, and the databases that its tests look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks import generate
from mcp_server.model.answer import Answer
from mcp_server.operations.inspect import inspect_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.workspace import Settings, Workspace

SHOP = Path(__file__).with_name("schemas") / "shop.sql"
TOWN = 180
Inspect = Callable[..., Awaitable[Answer]]


def inspector(url: str, root: Path) -> Inspect:
    """inspect_schema on one database."""
    workspace = Workspace(Settings(root=root, database_url=url, cache=root / "cache"))

    async def inspect(**arguments: Any) -> Answer:
        try:
            async with workspace.call() as call:
                return await inspect_schema(call, **arguments)
        finally:
            await workspace.close()

    return inspect


@asynccontextmanager
async def shop_database(sandboxes: Sandboxes) -> AsyncIterator[str]:
    """The URL of the shop of 13 tables."""
    async with sandboxes.lend() as database:
        connection = await connect(database.url)
        await connection.execute(SHOP.read_text("utf-8"))
        await connection.close()
        yield database.url


@asynccontextmanager
async def town_database(sandboxes: Sandboxes) -> AsyncIterator[str]:
    """The URL of a hundred and eighty generated tables in five schemas: too many to be shown unasked."""
    async with sandboxes.lend() as database:
        connection = await connect(database.url)
        for script in generate.batches(TOWN):
            await connection.execute(script)
        await connection.close()
        yield database.url
