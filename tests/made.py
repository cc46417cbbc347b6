"""What SQL makes of an empty database -> Schema."""

from __future__ import annotations

from mcp_server.model.schema import Schema
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandboxes

TASK = "create table task (id int primary key, title varchar(100) not null, owner text);"


async def made(sandboxes: Sandboxes, sql: str) -> Schema:
    """The Schema that some SQL makes."""
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            await connection.execute(sql or "select")
            return await read_schema(connection)
        finally:
            await connection.close()
