"""Templates and their schemas: what a template holds never changes, so it is read once, while it is filled where that can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.model.schema import Schema
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Fill, Sandbox
    from mcp_server.world.workspace import Workspace


async def make_template(
    workspace: Workspace, key: str, fill: Fill, start: str = "", promised: Sandbox | None = None
) -> str:
    """As Sandboxes.template(), for one that read_template() is asked for next: to read a copy of it, one must be made."""
    sandboxes = await workspace.sandboxes()
    read: list[Schema] = []

    async def fill_and_read(sandbox: Sandbox) -> None:
        await fill(sandbox)
        read.append(await _read(sandbox))

    name = await sandboxes.template(key, fill_and_read, start, promised)
    for schema in read:
        workspace.keep_schema(sandboxes.server_version, name, schema)
    return name


async def read_template(workspace: Workspace, template: str) -> Schema:
    """The Schema that a sandbox template holds."""
    sandboxes = await workspace.sandboxes()
    known = workspace.kept_schema(sandboxes.server_version, template)
    if known is not None:
        return known
    async with sandboxes.lend(template) as sandbox:
        schema = await _read(sandbox)
    workspace.keep_schema(sandboxes.server_version, template, schema)
    return schema


async def _read(sandbox: Sandbox) -> Schema:
    connection = await connect(sandbox.url)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()
