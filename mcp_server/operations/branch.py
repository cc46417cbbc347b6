"""manage_branch: Neon branches as throw-away copies with real data; an expiry is always set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.model.branch import Branch, Plan
    from mcp_server.world.neon_project import NeonProject
    from mcp_server.world.workspace import Workspace

ACTIONS = ("list", "create", "diff", "reset", "restore", "delete", "sweep")
SHOWN = 40


async def manage_branch(
    workspace: Workspace,
    action: Literal["list", "create", "diff", "reset", "restore", "delete", "sweep"] = "list",
    name: str = "",
    parent: str = "",
    at: str = "",
    schema_only: bool = False,
    masks: dict[str, str] | None = None,
    hours: float = 24,
    confirm: str = "",
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Make, compare, reset or delete branches of the project at Neon: copies of its database, made in seconds.

    A branch made here begins with `dbarch-` and ends by itself. The database of DATABASE_URL, the default branch and
    protected branches are never reset or deleted. Needs NEON_API_KEY. A branch can be read as the source `branch:<name>`;
    to rehearse on one, see on= of review_migration.

    action: list, create, diff (what differs between a branch's schema and its parent's), reset (to what its parent is
    now, or was at `at`), restore (to what it was itself at `at`; what it is now is kept as another branch), delete, or
    sweep (delete those of ours that are past their time, or whose maker is gone). name: of the branch; for list, a part of
    the names to show. parent: the branch to start from, the default one when not given. at: a moment
    (2026-01-31T12:00:00Z) or an LSN (0/1A2B3C). schema_only: without rows; such a branch cannot be reset. masks: what
    each column's values are replaced by, as {"users.email": "anon.fake_email()"}: functions of PostgreSQL Anonymizer. hours: until it ends, at most 720. confirm: the branch's name once more, to
    reset, restore or delete one that was not made here. format: text or json.
    """
    from mcp_server.operations.branch_changes import CHANGES, changeable, create, sweep
    from mcp_server.world.neon_project import open_project

    if action not in ACTIONS:
        raise Refused(f"There is no action {action!r}.", f"Choose from {', '.join(ACTIONS)}.")
    workspace.progress("asking Neon")
    async with open_project(workspace) as project:
        match action:
            case "list":
                return _listed(project, await project.neon.plan(project.id), name)
            case "create":
                return await create(workspace, project, name, parent, at, hours, schema_only, masks or {})
            case "diff":
                return await _diff(workspace, project, name)
            case "sweep":
                return await sweep(workspace, project)
        return await CHANGES[action](workspace, project, changeable(project, name, confirm, action), at)


def _listed(project: NeonProject, plan: Plan, part: str) -> Answer:
    from mcp_server.render.words import count

    chosen = [one for one in project.branches if part.lower() in one.name.lower()]
    room = f" of the {plan.branches} that its plan allows" if plan.branches else ""
    ours = sum(one.is_ours for one in project.branches)
    lines = [
        f"{count(len(project.branches), 'branch', 'branches')}{room} in project {project.id}, {ours} of them dbarch's."
    ]
    lines += [f"  {_told(one, project)}" for one in chosen[:SHOWN]]
    if len(chosen) > SHOWN or part:
        lines.append(f"Showing {min(SHOWN, len(chosen))} of {len(project.branches)}; narrow with name=.")
    data = [{"id": one.id, "name": one.name, "state": one.state, "parent": one.parent_id, "expires": one.expires,
             "default": one.default, "protected": one.protected, "ours": one.is_ours} for one in chosen]  # fmt: skip
    limits = {"plan": plan.name, "branches_allowed": plan.branches, "history_seconds": plan.history_seconds}
    return Answer("\n".join(lines), {"project": project.id, **limits, "branches": data}, lines[0])


def _told(branch: Branch, project: NeonProject) -> str:
    parent = project.name_of(branch.parent_id)
    is_live = project.live is not None and branch.id == project.live.id
    words = [
        "default" if branch.default else "",
        "protected" if branch.protected else "",
        "the configured database" if is_live else "",
        f"of {parent}" if parent else "",
        "schema only" if branch.schema_only else "",
        f"ends {branch.expires}" if branch.expires else "",
        branch.state if branch.state != "ready" else "",
    ]
    return f"{branch.name} ({', '.join(word for word in words if word) or 'no parent'})"


async def _diff(workspace: Workspace, project: NeonProject, name: str) -> Answer:
    """What differs between a branch's schema and its parent's, read from both."""
    from mcp_server.operations.equality import differences
    from mcp_server.world.database import together
    from mcp_server.world.neon_project import read_branch

    if not name:
        raise Refused("diff needs the name of a branch.", "See them with action=list.")
    branch = project.branch(name)
    parents = [one for one in project.branches if one.id == branch.parent_id]
    other = parents[0] if parents else next(one for one in project.branches if one.default)
    if other.id == branch.id:
        raise Refused(f"{branch.name} has no parent to compare with.", "compare_schemas compares any two sources.")
    workspace.progress(f"reading {other.name} and {branch.name}", 0.3)
    before, after = await together(read_branch(workspace, project, other), read_branch(workspace, project, branch))
    changes = await differences(workspace, before, after)
    verdict = f"{branch.name} and {other.name} have the same schema; rows were not compared."
    if changes:
        lead = f"{len(changes)} differences lead" if len(changes) > 1 else "1 difference leads"
        verdict = f"{lead} from {other.name} to {branch.name}."
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
