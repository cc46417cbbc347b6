"""A project whose live database is the branch main of an emulated Neon project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.applying import AT_B2
from tests.neon.api import KEY, NeonApi, serving
from tests.neon.databases import Databases, databases
from tests.opened import open_project


class Cloud:
    """A project whose live database is the branch main of an emulated Neon project."""

    def __init__(self, workspace: Workspace, api: NeonApi, held: Databases) -> None:
        self.workspace, self.api, self.held = workspace, api, held
        self.root = workspace.settings.root

    @property
    def names(self) -> list[str]:
        return sorted(one["name"] for one in self.api.branches.values())

    async def run(self, branch: str, *statements: str) -> None:
        connection = await connect(self.held.url(branch))
        for sql in statements:
            await connection.execute(sql)
        await connection.close()

    async def ask(self, branch: str, sql: str) -> Any:
        connection = await connect(self.held.url(branch))
        value = await connection.fetchval(sql)
        await connection.close()
        return value

    async def at(self, branch: str) -> str:
        return str(await self.ask(branch, "select version_num from alembic_version"))

    def branch(self, name: str) -> str:
        return next(one["id"] for one in self.api.branches.values() if one["name"] == name)


@asynccontextmanager
async def opened_cloud(root: Path, sandboxes: Sandboxes, database: Sandbox) -> AsyncIterator[Cloud]:
    """The project of a folder with two authors in its live database. database: any of the server that branches are made on."""
    with databases(database) as held:
        api = NeonApi(held.host, held.url, databases=held)
        with serving(api) as address:
            workspace = open_project(
                root, sandboxes, database_url=held.url(api.main), cache=root.parent / "cache", neon_key=KEY, neon_address=address
            )  # fmt: skip
            made = Cloud(workspace, api, held)
            await made.run(api.main, *AT_B2, "insert into authors (name, born) values ('Ada', 1815), ('Grace', 1906)")
            yield made
    await workspace.close()  # which may stop the server
