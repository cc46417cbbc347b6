"""What comes after a drafted migration: nothing, or the command that applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.model.migration import Draft
    from mcp_server.operations.migrate import Tried
    from mcp_server.operations.project import Project


def agreement(drafted: Draft) -> Answer:
    """Nothing is to be done."""
    from mcp_server.render.migration_data import migration_data
    from mcp_server.render.migration_text import render_agreement

    verdict = f"{drafted.goal} and {drafted.source} agree"
    return Answer(render_agreement(drafted), migration_data(drafted, "no changes"), verdict)


def next_step(project: Project, tried: Tried, write: bool) -> str:
    """What to run once the revisions are there."""
    from mcp_server.world.revision_files import relative

    if not write:
        return "call it again with write=true (shell: without --dry-run)."
    folder = relative(project.run_in, project.workspace.settings.root)
    section = project.history.config.partition("#")[2]
    goal = _first_stop(tried)
    command = f"`alembic {f'-n {section} ' if section else ''}upgrade {goal}`"
    place = f" in {folder}/" if folder != "." else ""
    files = "files" if len(tried.revisions) > 1 else "file"
    which = f" with revision={goal}" if goal != "head" else ""
    shown = f"which shows its plan first (by hand: {command}{place})"
    apply = f"read the {files}, then call apply_migration{which}, {shown}"
    return f"{apply}." if goal == "head" else f"{apply}; then do what stands beside it above, and go on."


def _first_stop(tried: Tried) -> str:
    """The revision after which something has to be deployed; "head" when nothing has to be."""
    *before, _ = tried.revisions
    return next((one.id for one in before if one.phase.deploy), "head")
