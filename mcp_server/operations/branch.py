"""manage_branch: Neon branches as throw-away copies with real data; an expiry is always set."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.branch import PREFIX

if TYPE_CHECKING:
    from mcp_server.model.branch import Branch
    from mcp_server.world.neon_project import NeonProject
    from mcp_server.world.workspace import Workspace

ACTIONS = ("list", "create", "diff", "reset", "delete", "sweep")
LONGEST_HOURS = 720
SHOWN = 40


async def manage_branch(
    workspace: Workspace,
    action: Literal["list", "create", "diff", "reset", "delete", "sweep"] = "list",
    name: str = "",
    parent: str = "",
    at: str = "",
    schema_only: bool = False,
    hours: float = 24,
    confirm: str = "",
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Make, compare, reset or delete branches of the project at Neon: copies of its database, made in seconds.

    A branch made here begins with `dbarch-` and ends by itself. The database of DATABASE_URL, the default branch and
    protected branches are never reset or deleted. Needs NEON_API_KEY. A branch can be read as the source `branch:<name>`.

    action: list, create, diff (what differs between a branch's schema and its parent's), reset (to what its parent is now),
    delete, or sweep (delete those of ours that are past their time). name: of the branch. parent: the branch to start from,
    the default one when not given. at: a moment (2026-01-31T12:00:00Z) or an LSN (0/1A2B3C) of the parent's history.
    schema_only: without rows; such a branch cannot be reset. hours: until it ends, at most 720. confirm: the branch's name
    once more, to reset or delete one that was not made here. format: text or json.
    """
    from mcp_server.world.neon_project import open_project

    if action not in ACTIONS:
        raise Refused(f"There is no action {action!r}.", f"Choose from {', '.join(ACTIONS)}.")
    workspace.progress("asking Neon")
    async with open_project(workspace) as project:
        match action:
            case "list":
                return _listed(project)
            case "create":
                return await _create(workspace, project, name, parent, at, schema_only, hours)
            case "diff":
                return await _diff(workspace, project, name)
            case "sweep":
                return await _sweep(workspace, project)
        branch = _changeable(project, name, confirm, action)
        return await (_reset if action == "reset" else _delete)(workspace, project, branch)


def _listed(project: NeonProject) -> Answer:
    lines = [f"{len(project.branches)} branches in project {project.id}."]
    lines += [f"  {_told(one, project)}" for one in project.branches[:SHOWN]]
    if len(project.branches) > SHOWN:
        lines.append(f"Showing {SHOWN} of {len(project.branches)}.")
    data = [{"id": one.id, "name": one.name, "state": one.state, "parent": one.parent_id, "expires": one.expires,
             "default": one.default, "protected": one.protected, "ours": one.is_ours} for one in project.branches]  # fmt: skip
    return Answer("\n".join(lines), {"project": project.id, "branches": data}, lines[0])


def _told(branch: Branch, project: NeonProject) -> str:
    parent = next((one.name for one in project.branches if one.id == branch.parent_id), "")
    words = [
        "default" if branch.default else "",
        "protected" if branch.protected else "",
        "the configured database" if branch == project.live else "",
        f"of {parent}" if parent else "",
        "schema only" if branch.schema_only else "",
        f"ends {branch.expires}" if branch.expires else "",
        branch.state if branch.state != "ready" else "",
    ]
    return f"{branch.name} ({', '.join(word for word in words if word) or 'no parent'})"


async def _create(
    workspace: Workspace, project: NeonProject, name: str, parent: str, at: str, schema_only: bool, hours: float
) -> Answer:
    if not 0 < hours <= LONGEST_HOURS:
        raise Refused(f"hours must be more than 0 and at most {LONGEST_HOURS}.", "A day is the usual.")
    full = _named(name)
    if any(one.name == full for one in project.branches):
        raise Refused(f"There is a branch {full} already.", "Delete it, reset it, or choose another name.")
    source = project.branch(parent) if parent else next(one for one in project.branches if one.default)
    if source.expires and not schema_only:
        raise Refused(
            f"{source.name} ends by itself, and Neon makes no branches of such a one.", "Start from its parent."
        )
    lsn = bool(re.fullmatch(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}", at))
    if at and not lsn and not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", at):
        raise Refused(f"at={at[:40]!r} is neither a moment nor an LSN.", "Write 2026-01-31T12:00:00Z, or 0/1A2B3C.")
    ends = (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds").replace("+00:00", "Z")
    workspace.progress(f"making {full}", 0.3)
    made = await project.neon.create(
        project.id,
        full,
        expires=ends,
        parent=source.id,
        lsn=at if lsn else "",
        timestamp="" if lsn else at,
        schema_only=schema_only,
    )
    await project.neon.finished(project.id, made.operations)
    what = "schema" if schema_only else "data"
    text = (
        f"Made {full} from {source.name}{f' at {at}' if at else ''}, with its {what}; it ends {ends}.\n"
        f"Next: name it as a source, `branch:{full}`; delete it with action=delete when it is done with."
    )
    data = {"id": made.branch.id, "name": full, "parent": source.name, "expires": ends}
    return Answer(text, data, text.split("\n")[0], carried_out={"branches made": 1})


def _named(name: str) -> str:
    plain = re.sub(r"[^a-z0-9._/-]+", "-", name.lower().removeprefix(PREFIX)).strip("-")[:60]
    return f"{PREFIX}{plain or datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}"


def _changeable(project: NeonProject, name: str, confirm: str, action: str) -> Branch:
    """The branch to reset or delete. Raises Refused for one that must stay."""
    if not name:
        raise Refused(f"{action} needs the name of a branch.", "See them with action=list.")
    branch = project.branch(name)
    if branch.default or branch.protected or branch == project.live:
        what = (
            "the default branch" if branch.default else "protected" if branch.protected else "the configured database"
        )
        raise Refused(f"{branch.name} is {what}; nothing was done.", "Only other branches are reset or deleted here.")
    if not branch.is_ours and confirm != branch.name:
        raise Refused(
            f"{branch.name} was not made by dbarch; nothing was done.",
            f"If it really is meant, ask the user, then call again with confirm={branch.name!r}.",
        )
    children = [one.name for one in project.branches if one.parent_id == branch.id]
    if action == "delete" and children:
        raise Refused(f"{branch.name} has branches of its own: {', '.join(children[:10])}.", "Delete those first.")
    if action == "reset" and not branch.parent_id:
        raise Refused(f"{branch.name} has no parent to be reset to.", "Delete it, and make it anew.")
    return branch


async def _reset(workspace: Workspace, project: NeonProject, branch: Branch) -> Answer:
    workspace.progress(f"resetting {branch.name}", 0.3)
    await project.neon.finished(project.id, await project.neon.restore(project.id, branch.id, branch.parent_id))
    parent = next((one.name for one in project.branches if one.id == branch.parent_id), branch.parent_id)
    verdict = f"{branch.name} is what {parent} is now; its address stays."
    return Answer(verdict, {"name": branch.name, "parent": parent}, verdict, carried_out={"branches reset": 1})


async def _delete(workspace: Workspace, project: NeonProject, branch: Branch) -> Answer:
    workspace.progress(f"deleting {branch.name}", 0.3)
    await project.neon.finished(project.id, await project.neon.delete(project.id, branch.id))
    verdict = f"{branch.name} is deleted."
    return Answer(verdict, {"name": branch.name}, verdict, carried_out={"branches deleted": 1})


async def _sweep(workspace: Workspace, project: NeonProject) -> Answer:
    """Delete what dbarch made and what is past its time; Neon does so too, some time later."""
    old = tuple(one for one in project.branches if one.is_ours and one != project.live and _is_over(one.expires))
    parents = {one.parent_id for one in project.branches}
    gone = [one for one in old if one.id not in parents]
    for number, branch in enumerate(gone):
        workspace.progress(f"deleting {branch.name}", number / len(gone))
        await project.neon.finished(project.id, await project.neon.delete(project.id, branch.id))
    names = ", ".join(one.name for one in gone)
    kept = len([one for one in project.branches if one.is_ours]) - len(gone)
    verdict = f"{len(gone)} branches were past their time and are deleted{': ' + names if names else ''}; {kept} of dbarch's are still wanted."
    return Answer(
        verdict, {"deleted": [one.name for one in gone]}, verdict, carried_out={"branches deleted": len(gone)}
    )


def _is_over(expires: str) -> bool:
    return datetime.fromisoformat(expires.replace("Z", "+00:00")) < datetime.now(UTC)


async def _diff(workspace: Workspace, project: NeonProject, name: str) -> Answer:
    """What differs between a branch's schema and its parent's, read from both."""
    from mcp_server.model.change import diff
    from mcp_server.world.neon_project import read_branch

    branch = project.branch(name)
    parents = [one for one in project.branches if one.id == branch.parent_id]
    other = parents[0] if parents else next(one for one in project.branches if one.default)
    workspace.progress(f"reading {other.name} and {branch.name}", 0.3)
    schemas = [await read_branch(workspace, project, one) for one in (other, branch)]
    changes = diff(*schemas)
    verdict = f"{branch.name} and {other.name} have the same schema."
    if changes:
        verdict = f"{len(changes)} differences lead from {other.name} to {branch.name}."
    lines = tuple(_described(changes))
    return Answer(
        "\n".join((verdict, *lines)), {"from": other.name, "to": branch.name, "changes": list(lines)}, verdict
    )


def _described(changes: Sequence[object]) -> Iterator[str]:
    from mcp_server.model.change import Added, Altered, Dropped, describe
    from mcp_server.render.words import one_line

    for change in changes[:SHOWN]:
        if isinstance(change, Added | Dropped | Altered):
            yield f"  {one_line(describe(change), 300)}"
    if len(changes) > SHOWN:
        yield f"Showing {SHOWN} of {len(changes)}."
