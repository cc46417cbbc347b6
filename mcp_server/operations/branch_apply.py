"""apply_migration on a branch at Neon first: the same plan, the same hash, live's rows, and live untouched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.errors import ConfigError
from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.operations.apply import Asked
    from mcp_server.world.branch_making import Ground
    from mcp_server.world.workspace import Workspace

FRESH = "branch"


async def apply_on_branch(workspace: Workspace, asked: Asked) -> Answer:
    """Show the plan, or carry it out on the branch that the target names. The hash is the one of the plan for live."""
    from mcp_server.operations.apply import apply_to
    from mcp_server.world.branch_making import branch_ground, check_word
    from mcp_server.world.carrying_out import journal_of
    from mcp_server.world.urls import read_url

    if not workspace.settings.database_url:
        raise ConfigError(
            "No database is configured, so there is none to make branches of.", "Set DATABASE_URL to the Neon database."
        )
    check_word(workspace, asked.target)
    live = read_url(workspace.settings.database_url)
    if asked.target.strip() == FRESH and not asked.plan_hash:
        return _before(await apply_to(workspace, live, asked))
    async with branch_ground(workspace, asked.target) as ground:
        way = read_url(ground.url)
        try:
            answer = await apply_to(workspace, way, replace(asked, agreed=live))
        finally:
            if ground.is_fresh:
                journal_of(workspace.ledger, way).unlink(missing_ok=True)
    return _after(answer, ground, asked) if asked.plan_hash else answer


def _before(answer: Answer) -> Answer:
    """A plan that live was looked at for, as no branch is there yet."""
    note = (
        "No branch was made: live was looked at. The call with the hash makes one, runs the plan there and removes it."
    )
    return replace(answer, text=f"{answer.text}\n{note}")


def _after(answer: Answer, ground: Ground, asked: Asked) -> Answer:
    """How it went there, and what to do next."""
    if answer.findings:
        next_step = "Next: live was not touched. Correct the revision, review it, and run it on a branch again."
    else:
        named = f", confirm={list(asked.confirm)}" if asked.confirm else ""
        next_step = (
            f'Next: live was not touched. To run the same there: target="live", plan_hash="{asked.plan_hash}"{named}.'
        )
    kept = f"The branch was made of {ground.parent or 'its parent'}, with its rows"
    gone = (
        ground.left or f"{kept}; it is removed." if ground.is_fresh else f"{kept}; it ends {ground.expires or 'never'}."
    )
    return replace(answer, text="\n".join((answer.text, gone, next_step)))


def tried_on_branch(workspace: Workspace, answer: Answer) -> Answer:
    """A plan for live, with whether it ran on a branch, for projects that have branches."""
    data = answer.data if isinstance(answer.data, dict) else {}
    digest = data.get("plan_hash")
    if not digest or not workspace.settings.neon_key:
        return answer
    ran = [
        run
        for run in workspace.ledger.runs()
        if run.tool == "apply_migration"
        and run.arguments.get("plan_hash") == digest
        and str(run.arguments.get("target", "")).startswith(FRESH)
        and run.verdict.startswith("applied ")
        and ", stopped at " not in run.verdict
    ]
    told = (
        f"This plan ran on a branch at {ran[-1].at}."
        if ran
        else (
            f'This plan ran on no branch yet: target="branch", plan_hash="{digest}" runs it on a copy of live with its rows first.'
        )
    )
    return replace(answer, text=f"{answer.text}\n{told}", data={**data, "ran_on_branch": ran[-1].at if ran else ""})
