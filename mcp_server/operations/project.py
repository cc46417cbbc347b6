"""The project's Alembic, or the one that it is going to have: what a revision is written for and rehearsed with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import MigrationError
from mcp_server.model.orm import History, Models
from mcp_server.render.environment import Driver, Environment, render_environment
from mcp_server.world.alembic_config import find_config
from mcp_server.world.environment_files import find_site, try_out
from mcp_server.world.guest_errors import heads_text
from mcp_server.world.migrations import find_history
from mcp_server.world.models import read_models

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

DRIVERS: tuple[Driver, ...] = ("asyncpg", "psycopg", "psycopg2")
USUAL_SQLALCHEMY = (2, 0)


@dataclass(frozen=True, slots=True)
class Project:
    """What a revision is written for.

    workspace: sees the environment that is rehearsed with. versions: the folder for the first revision. run_in: the folder that
    `alembic` is run in. files: of a new environment, by where they will be; {} when the project has one.
    models: those that were read on the way.
    """

    workspace: Workspace
    history: History
    versions: Path
    run_in: Path
    files: Mapping[Path, str] = field(default_factory=dict)
    models: Models | None = None

    @property
    def head(self) -> str:
        """The revision that a new one follows, "" when there is none."""
        return self.history.heads[0] if self.history.heads else ""

    @property
    def sqlalchemy(self) -> tuple[int, int]:
        """The version that the project uses; the usual one when its models were not asked."""
        version = dict(self.models.versions).get("sqlalchemy", "") if self.models else ""
        major, _, rest = version.partition(".")
        minor = rest.partition(".")[0]
        return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else USUAL_SQLALCHEMY


async def open_project(workspace: Workspace, folder: Path, *, with_models: bool) -> Project:
    """The project's Alembic; where it has none, a correct one tried out in `folder`.

    Raises MigrationError for a history with several heads, and MigrationError and ModelsError as their readers do.
    """
    if find_config(workspace.settings) is None:
        return await _new_environment(workspace, folder, await read_models(workspace))
    history = asyncio.create_task(find_history(workspace))
    try:
        models = await read_models(workspace) if with_models else None
        found = await history
    finally:
        history.cancel()
        await asyncio.gather(history, return_exceptions=True)
    if len(found.heads) > 1:
        raise MigrationError(*heads_text(found))
    return Project(workspace, found, Path(found.versions[0]), Path(found.folder), models=models)


async def _new_environment(workspace: Workspace, folder: Path, models: Models) -> Project:
    workspace.progress("making an Alembic environment")
    site = find_site(models, workspace.settings)
    environment = Environment(
        folder=site.folder,
        models=site.modules,
        sources=site.sources,
        driver=next(driver for driver in DRIVERS if driver in site.drivers),
        is_sqlmodel=site.is_sqlmodel,
        schemas=bool(models.schemas),
        external=workspace.settings.external,
    )
    texts = render_environment(environment)
    config = await asyncio.to_thread(try_out, site.base, folder, texts, site.folder)
    trying = workspace.configured(alembic=str(config))
    history = await find_history(trying)
    return Project(
        trying,
        history,
        site.base / site.folder / "versions",
        site.base,
        {site.base / name: text for name, text in texts.items()},
        models,
    )
