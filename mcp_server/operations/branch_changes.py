"""What manage_branch changes at Neon: branches made, reset, restored, deleted, swept. Each waits for Neon's end of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, Refused
from mcp_server.model.answer import Answer
from mcp_server.model.branch import PREFIX, Branch, Plan

if TYPE_CHECKING:
    from mcp_server.world.neon_project import NeonProject
    from mcp_server.world.workspace import Workspace

LONGEST_HOURS = 720
LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
KEPT = f"{PREFIX}before-"
KEPT_DAYS = 7


async def create(
    workspace: Workspace,
    project: NeonProject,
    name: str,
    parent: str,
    at: str,
    hours: float,
    schema_only: bool,
    masks: Mapping[str, str],
) -> Answer:
    """Make a branch, once it is sure that Neon and the plan allow it."""
    from mcp_server.world.branch_making import Wanted, check_room, full_name, make_whole, moment_in

    if not 0 < hours <= LONGEST_HOURS:
        raise Refused(f"hours must be more than 0 and at most {LONGEST_HOURS}.", "A day is the usual.")
    if masks and (schema_only or project.target is None):
        raise Refused("masks are for a branch with the rows of the configured database.", "Leave schema_only out.")
    full = full_name(name)
    if any(one.name == full for one in project.branches):
        raise Refused(f"There is a branch {full} already.", "Delete it, reset it, or choose another name.")
    source = project.branch(parent) if parent else next(one for one in project.branches if one.default)
    if source.expires and not schema_only:
        raise Refused(
            f"{source.name} ends by itself, and Neon makes no branches of such a one.", "Start from its parent."
        )
    lsn, timestamp = _point(at)
    plan = await project.neon.plan(project.id)
    check_room(project, plan, schema_only=schema_only)
    _check_history(plan, timestamp)
    workspace.progress(f"making {full}", 0.3)
    wanted = Wanted(
        full, source, moment_in(hours), lsn, timestamp, schema_only, masks,
        project.target.database if project.target else "",
    )  # fmt: skip
    made = await make_whole(project, wanted)
    what = "schema" if schema_only else "data, masked" if masks else "data"
    text = (
        f"Made {full} from {source.name}{f' at {at}' if at else ''}, with its {what}; it ends {wanted.expires}.\n"
        f'Next: read it as a source, `branch:{full}`; rehearse there with review_migration on="branch:{full}"; delete it '
        "with action=delete when it is done with."
    )
    data = {"id": made.id, "name": full, "parent": source.name, "expires": wanted.expires}
    return Answer(text, data, text.split("\n")[0], carried_out={"branches made": 1})


def _point(at: str) -> tuple[str, str]:
    """An LSN and a moment, of which one at most is named. Raises Refused for what is neither."""
    if not at:
        return "", ""
    if LSN.fullmatch(at):
        return at, ""
    if not MOMENT.fullmatch(at):
        raise Refused(f"at={at[:40]!r} is neither a moment nor an LSN.", "Write 2026-01-31T12:00:00Z, or 0/1A2B3C.")
    try:
        ahead = datetime.fromisoformat(at.replace("Z", "+00:00")) > datetime.now(UTC)
    except ValueError as error:
        raise Refused(f"at={at[:40]!r} is no moment: {error}.", "Write 2026-01-31T12:00:00Z.") from error
    if ahead:
        raise Refused(f"at={at} has not come yet.", "Leave it out for what the branch is now.")
    return "", at


def _check_history(plan: Plan, timestamp: str) -> None:
    """Raise Refused for a moment that the project's history does not reach back to."""
    if not timestamp or not plan.history_seconds:
        return
    oldest = datetime.now(UTC) - timedelta(seconds=plan.history_seconds)
    if datetime.fromisoformat(timestamp.replace("Z", "+00:00")) < oldest:
        raise Refused(
            f"The project keeps its history for {plan.history_seconds / 3600:g} hours, and {timestamp} is before that.",
            f"The oldest moment is {oldest.isoformat(timespec='minutes').replace('+00:00', 'Z')}; a larger window is set in the "
            "project's settings, as far as the plan allows.",
        )


def changeable(project: NeonProject, name: str, confirm: str, action: str) -> Branch:
    """The branch to reset, restore or delete. Raises Refused for one that must stay."""
    if not name:
        raise Refused(f"{action} needs the name of a branch.", "See them with action=list.")
    branch = project.branch(name)
    if what := project.kept_for(branch):
        raise Refused(
            f"{branch.name} is {what}; nothing was done.", "Only other branches are reset, restored or deleted here."
        )
    if not branch.is_ours and confirm != branch.name:
        raise Refused(
            f"{branch.name} was not made by dbarch; nothing was done.",
            f"If it really is meant, ask the user, then call again with confirm={branch.name!r}.",
        )
    children = [one.name for one in project.branches if one.parent_id == branch.id]
    if children and action != "restore":
        raise Refused(f"{branch.name} has branches of its own: {', '.join(children[:10])}.", "Delete those first.")
    if action == "reset" and not branch.parent_id:
        raise Refused(f"{branch.name} has no parent to be reset to.", "Delete it, and make it anew.")
    return branch


async def reset(workspace: Workspace, project: NeonProject, branch: Branch, at: str) -> Answer:
    """Make a branch what its parent is now, or was."""
    lsn, timestamp = _point(at)
    if timestamp:
        _check_history(await project.neon.plan(project.id), timestamp)
    workspace.progress(f"resetting {branch.name}", 0.3)
    begun = await project.neon.restore(project.id, branch.id, branch.parent_id, lsn=lsn, timestamp=timestamp)
    await project.neon.finished(project.id, begun)
    parent = project.name_of(branch.parent_id) or branch.parent_id
    verdict = f"{branch.name} is what {parent} {f'was at {at}' if at else 'is now'}; its address stays."
    return Answer(verdict, {"name": branch.name, "parent": parent}, verdict, carried_out={"branches reset": 1})


async def restore(workspace: Workspace, project: NeonProject, branch: Branch, at: str) -> Answer:
    """Make a branch what it was itself, and keep what it is now as another one, which Neon asks for."""
    from mcp_server.world.branch_making import check_room

    lsn, timestamp = _point(at)
    if not at:
        raise Refused("restore needs a moment or an LSN.", "at=2026-01-31T12:00:00Z; reset goes to the parent's now.")
    plan = await project.neon.plan(project.id)
    _check_history(plan, timestamp)
    check_room(project, plan, schema_only=False)
    keep = f"{KEPT}{branch.name.removeprefix(PREFIX)[:40]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    workspace.progress(f"restoring {branch.name}", 0.3)
    begun = await project.neon.restore(project.id, branch.id, branch.id, lsn=lsn, timestamp=timestamp, keep=keep)
    await project.neon.finished(project.id, begun)
    told = await _let_end(project, keep)
    text = f"{branch.name} is what it was at {at}; its address stays. What it was until now is the branch {keep}{told}."
    return Answer(text, {"name": branch.name, "kept": keep}, text, carried_out={"branches restored": 1})


async def _let_end(project: NeonProject, name: str) -> str:
    """Give a branch that Neon made an expiry; -> what to say of that."""
    from mcp_server.world.branch_making import moment_in

    found = [one for one in await project.neon.branches(project.id) if one.name == name]
    if not found:
        return ", which Neon does not list yet"
    expires = moment_in(24 * KEPT_DAYS)
    try:
        await project.neon.set_expiry(project.id, found[0].id, expires)
    except Refused as error:
        return f", WITHOUT an expiry ({error.message.rstrip('.')}): delete it when it is done with"
    return f", which ends {expires}"


async def delete(workspace: Workspace, project: NeonProject, branch: Branch, at: str) -> Answer:
    """Delete a branch."""
    from mcp_server.world.branch_making import remove_branch

    if at:
        raise Refused("delete takes no moment.", "Leave at out.")
    workspace.progress(f"deleting {branch.name}", 0.3)
    await remove_branch(project, branch.id)
    verdict = f"{branch.name} is deleted."
    return Answer(verdict, {"name": branch.name}, verdict, carried_out={"branches deleted": 1})


CHANGES: Mapping[str, Callable[[Workspace, NeonProject, Branch, str], Awaitable[Answer]]] = {
    "reset": reset,
    "restore": restore,
    "delete": delete,
}


async def sweep(workspace: Workspace, project: NeonProject) -> Answer:
    """Delete what dbarch made and what is past its time, or whose maker is gone; Neon does the first too, some time later."""
    from mcp_server.render.words import count
    from mcp_server.world.branch_making import is_abandoned, remove_branch

    ours = [one for one in project.branches if one.is_ours and not project.kept_for(one)]
    old = [one for one in ours if _is_over(one.expires) or is_abandoned(one)]
    found = len(old)
    gone: list[str] = []
    left = [told async for told in _given_an_end(project)]
    standing = {one.id: one.parent_id for one in project.branches}
    while (branch := next((one for one in old if one.id not in standing.values()), None)) is not None:
        old.remove(branch)  # those without branches of their own first
        workspace.progress(f"deleting {branch.name}", len(gone) / found)
        try:
            await remove_branch(project, branch.id)
            gone.append(branch.name)
            del standing[branch.id]
        except ArchitectError as error:
            left.append(f"{branch.name} could not be deleted: {error.message}")
    left += [f"{one.name} has branches of its own that are still wanted." for one in old]
    named = f": {', '.join(gone[:20])}{' and more' if len(gone) > 20 else ''}" if gone else ""
    kept = len(ours) - found
    verdict = f"Deleted {count(len(gone), 'branch', 'branches')} past their time or abandoned{named}; {kept} of dbarch's stay."
    text = "\n".join((verdict, *left[:10], *(["Next: sweep again; they end by themselves too."] if left else [])))
    data = {"deleted": gone, "left": left}
    return Answer(text, data, verdict, findings=len(left), carried_out={"branches deleted": len(gone)})


async def _given_an_end(project: NeonProject) -> AsyncIterator[str]:
    """What a restore kept has an expiry too, also where the answer that would have told so was lost; -> what went wrong."""
    from mcp_server.world.branch_making import moment_in

    for one in project.branches:
        if one.name.startswith(KEPT) and not one.expires and not project.kept_for(one):
            try:
                await project.neon.set_expiry(project.id, one.id, moment_in(24 * KEPT_DAYS))
            except ArchitectError as error:
                yield f"{one.name} has no expiry: {error.message}"


def _is_over(expires: str) -> bool:
    return datetime.fromisoformat(expires.replace("Z", "+00:00")) < datetime.now(UTC)
