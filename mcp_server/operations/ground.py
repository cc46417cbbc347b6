"""What a migration is walked on: where the project's migrations lead, or a copy of the live database's schema."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, MigrationError
from mcp_server.model.orm import History
from mcp_server.planning.whole import making
from mcp_server.world.alembic_config import find_config
from mcp_server.world.carrying_out import read_heads
from mcp_server.world.migrations import replay
from mcp_server.world.rehearsal import template_of

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

LIVE = "a copy of live's schema"
NAME_ONE = (
    "Name a database that has the tables (DATABASE_URL): what cannot be replayed is walked on a copy of its schema."
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What is walked on. words: for people. template: of the sandboxes, "" for an empty database. note: what a reader must know.

    is_foreign: it was copied from a database that others write to, whose functions must not run with our rights.
    is_open: nothing of the project is known, so that what a script lacks is made up and no fault of the script's.
    """

    words: str
    template: str
    note: str = ""
    is_foreign: bool = False
    is_open: bool = False


async def find_ground(workspace: Workspace) -> Ground:
    """Where a script would run: the migrations' head; where there is none, or it cannot be replayed, a copy of live's schema.

    Raises MigrationError when the migrations do not replay and no database stands in.
    """
    if find_config(workspace.settings, ambiguous_is_none=True) is None:
        return (
            await live_ground(workspace)
            if workspace.settings.database_url
            else Ground("an empty database", "", is_open=True)
        )
    try:
        return Ground("the migrations' head", await replay(workspace))
    except MigrationError as error:
        instead = await _instead(workspace, error)
        if instead is not None:
            return instead
        raise MigrationError(
            f"The script was not run, because the migrations that stand before it fail on an empty database: {error.message}",
            f"{error.hint} {NAME_ONE}".strip(), error.file, error.line,
        ) from error  # fmt: skip


async def ground_at(
    workspace: Workspace, history: History, parents: tuple[str, ...], error: MigrationError
) -> Ground | None:
    """A copy of live's schema where the database stands right before a revision; None elsewhere.

    parents: the revisions that stand before it. error: why they could not be replayed.
    """
    if not workspace.settings.database_url or len(parents) > 1:
        return None
    try:
        if await read_heads(await workspace.live(), history) != parents:
            return None
    except ArchitectError:
        return None
    return await _instead(workspace, error)


async def _instead(workspace: Workspace, error: MigrationError) -> Ground | None:
    if not workspace.settings.database_url:
        return None
    try:
        ground = await live_ground(workspace)
    except ArchitectError:
        return None
    why = " ".join(error.message.split())[:300].rstrip(".")
    return replace(ground, note=f"The migrations do not replay on an empty database: {why}.")


async def live_ground(workspace: Workspace) -> Ground:
    """A copy of the live database's schema, without its rows."""
    live = await workspace.live_schema()
    template = await template_of(workspace, f"live {live.fingerprint}", making(live), foreign=True)
    return Ground(LIVE, template, is_foreign=True)


async def kept_template(workspace: Workspace, statements: Sequence[str]) -> str:
    """The template that a record's statements make: where a revision begins or ends that does not follow the history."""
    digest = hashlib.sha256("\x1e".join(statements).encode()).hexdigest()
    return await template_of(workspace, f"kept {digest}", statements, foreign=True)
