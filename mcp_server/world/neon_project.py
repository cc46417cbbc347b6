"""The project's Neon branches: which project it is, a branch by its name, the way to a branch's database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import ConfigError, NotFound
from mcp_server.model.branch import PREFIX, Branch, Endpoint
from mcp_server.model.schema import Schema
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect, together
from mcp_server.world.neon import ADDRESS, Neon, Pace, open_neon
from mcp_server.world.urls import Target, read_url

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class NeonProject:
    """A project at Neon. live: the branch of the configured database, None when it is not known."""

    neon: Neon
    id: str
    branches: tuple[Branch, ...]
    endpoints: tuple[Endpoint, ...]
    live: Branch | None
    target: Target | None

    def branch(self, name: str) -> Branch:
        """A branch by its name or id; one of ours also by the name that it was asked for with. Raises NotFound."""
        for wanted in (name, f"{PREFIX}{name}"):
            for one in self.branches:
                if wanted in (one.name, one.id):
                    return one
        known = ", ".join(one.name for one in self.branches[:20])
        raise NotFound(f"There is no branch {name[:80]!r}.", f"Branches are {known}.")

    def kept_for(self, branch: Branch) -> str:
        """Why a branch is neither tried on, reset nor deleted, "" when it may be."""
        if self.live is not None and branch.id == self.live.id:
            return "the configured database"
        return "the default branch" if branch.default else "protected" if branch.protected else ""

    def name_of(self, identity: str) -> str:
        """The name of the branch with an id, "" when there is none."""
        return next((one.name for one in self.branches if one.id == identity), "")

    async def address(self, branch: Branch, endpoint: Endpoint | None = None) -> str:
        """The URL of a branch's database, of the name and role that the configured one has. Raises NotFound, Refused.

        endpoint: its compute, where the branch is so new that the project does not list it.
        """
        if self.live is not None and branch.id == self.live.id and self.target is not None:
            return self.target.url()
        endpoint = endpoint or next(
            (one for one in self.endpoints if one.branch_id == branch.id and one.kind == "read_write"), None
        )
        if endpoint is None:
            raise NotFound(
                f"The branch {branch.name} has no compute.", "Make one in the Neon console, or make the branch anew."
            )
        if self.target is None:
            raise ConfigError(
                "No database is configured, so role and database of the branch are not known.",
                "Set DATABASE_URL to the project's Neon database.",
            )
        return await self.neon.address(self.id, branch, endpoint, self.target.database, self.target.user)


@asynccontextmanager
async def open_project(workspace: Workspace) -> AsyncIterator[NeonProject]:
    """The project that NEON_PROJECT_ID names, else the one whose compute the configured database is."""
    settings = workspace.settings
    target = read_url(settings.database_url).direct() if settings.database_url else None
    pace = _pace(settings.neon_timeout)
    async with open_neon(settings.neon_key, settings.neon_address or ADDRESS, pace) as neon:
        identity = settings.neon_project or workspace.neon_project or await _search(neon, target)
        workspace.neon_project = identity
        endpoints, branches = await together(neon.endpoints(identity), neon.branches(identity))
        host = target.host.lower() if target else ""
        own = next((one.branch_id for one in endpoints if one.host.lower() == host), "")
        live = next((one for one in branches if one.id == own), None)
        yield NeonProject(neon, identity, branches, endpoints, live, target)


def _pace(timeout: float) -> Pace:
    """The pace of an API that answers within some seconds, 0 for the usual; a quick one is asked again sooner."""
    usual = Pace()
    if not timeout:
        return usual
    return replace(usual, timeout=timeout, first=min(timeout / 4, usual.first), poll=min(timeout / 4, usual.poll))


async def _search(neon: Neon, target: Target | None) -> str:
    if target is None:
        raise ConfigError(
            "Which Neon project is meant is not known: no database is configured.",
            "Set NEON_PROJECT_ID, or DATABASE_URL to the project's database.",
        )
    projects = await neon.projects()
    for project in projects:
        if any(one.host.lower() == target.host.lower() for one in await neon.endpoints(project["id"])):
            return str(project["id"])
    raise ConfigError(
        f"None of the {len(projects)} projects that the key may see has a compute at {target.host or 'this host'}.",
        "Set NEON_PROJECT_ID, or use a key of the project's organisation.",
    )


async def read_branch(workspace: Workspace, project: NeonProject, branch: Branch) -> Schema:
    """The Schema of a branch's database. Raises NotFound, Refused, DatabaseError."""
    url = await project.address(branch)
    workspace.redactor.add_url(url)
    connection = await connect(url)
    try:
        return await read_schema(connection)
    finally:
        await connection.close()
