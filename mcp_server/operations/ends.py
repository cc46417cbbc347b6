"""Where a migration starts and where it leads, read at once, and what env.py says it must not touch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server.model.orm import History
from mcp_server.operations.drafting import Start, aside_of, read_start
from mcp_server.planning.alike import with_names_of
from mcp_server.world.database import together
from mcp_server.world.filters import LeftOut, ask_filters
from mcp_server.world.rehearsal import copy_of, run_foreign
from mcp_server.world.sources import materialise_models, read_source

if TYPE_CHECKING:
    from mcp_server.model.schema import Schema
    from mcp_server.operations.project import Project
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of a migration. goal: with what others own. left_out: as ask_filters() tells it."""

    start: Start
    goal: Schema
    left_out: LeftOut


async def read_ends(
    workspace: Workspace, project: Project, before: str, after: str, additions: Sequence[str] = ()
) -> Ends:
    """Both ends, by their source words. additions: statements that make the goal of the start, in the place of a source.

    Raises as read_start() and read_source() do.
    """
    await (await workspace.sandboxes()).start()  # once, before both that want it
    if additions:
        start = await read_start(project.workspace, before, project.history)
        goal = await _with_additions(workspace, start, additions)
    else:
        start, goal = await together(
            read_start(project.workspace, before, project.history), _read_goal(workspace, project, after)
        )
    goal = goal.sharing(start.whole)
    own = goal.without(*aside_of(workspace, goal, History()))
    asked = with_names_of(start.schema, own) if project.history.filters else own
    left_out = await ask_filters(project.workspace, project.history, start.schema, asked)
    return Ends(start, goal, left_out)


async def _with_additions(workspace: Workspace, start: Start, statements: Sequence[str]) -> Schema:
    """What a start becomes by some statements; on what was a live database's they run without rights beyond the copy."""
    async with copy_of(workspace, start.template) as copy:
        await (run_foreign(copy, statements) if start.is_foreign else copy.run(statements))
        return (await copy.read()).without(*start.aside)


async def _read_goal(workspace: Workspace, project: Project, word: str) -> Schema:
    if project.models is None or word != "models":
        return await read_source(workspace, word)
    async with copy_of(workspace, await materialise_models(workspace, project.models)) as copy:
        return await copy.read()
