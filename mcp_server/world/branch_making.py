"""Branches made and removed so that none is left by accident: named, with an expiry, waited for, found again when an answer was lost."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, ConfigError, Refused, TimedOut
from mcp_server.model.branch import PREFIX, Branch, Endpoint, Made, Plan
from mcp_server.world.database import finish
from mcp_server.world.neon_answers import Unanswered
from mcp_server.world.owner import PREFIX as OWNED
from mcp_server.world.owner import new_name, read_owner

if TYPE_CHECKING:
    from mcp_server.world.neon_project import NeonProject
    from mcp_server.world.workspace import Workspace

HOURS = 1.0
FRESH = f"{PREFIX}try-"
TRIES = 2
READY = ("ready", "archived")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A branch to be made. name: whole. expires: RFC 3339. lsn, timestamp: of the parent's history, "" for its end.

    masks: {column's identity, as public.users.email: a function of PostgreSQL Anonymizer}, for an anonymised branch, of the
    database `database`.
    """

    name: str
    parent: Branch
    expires: str
    lsn: str = ""
    timestamp: str = ""
    schema_only: bool = False
    masks: Mapping[str, str] = field(default_factory=dict)
    database: str = ""


@dataclass(slots=True)
class Ground:
    """A branch that something is tried on. url: of its database. parent: the name of the branch that it is a copy of.

    left: why a fresh one could not be removed, known after its block; "" when it is gone.
    """

    name: str
    url: str = field(repr=False)
    parent: str
    expires: str
    is_fresh: bool
    left: str = ""


def moment_in(hours: float) -> str:
    """A moment from now, as the API writes it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds").replace("+00:00", "Z")


def fresh_name() -> str:
    """A name that tells which process made the branch, so that a sweep knows whether it is still at it."""
    return FRESH + new_name(next(_numbers)).removeprefix(OWNED).replace("_", "-")


def is_abandoned(branch: Branch) -> bool:
    """Whether a branch was made by a process, for the length of its work, that is gone."""
    owner = read_owner(OWNED + branch.name.removeprefix(FRESH).replace("-", "_"))
    return branch.is_ours and branch.name.startswith(FRESH) and owner is not None and owner.is_gone()


def full_name(name: str) -> str:
    """The name of a branch of ours, for whatever somebody calls it; by the time when they do not."""
    plain = re.sub(r"[^a-z0-9._/-]+", "-", name.lower().removeprefix(PREFIX)).strip("-")[:60]
    return f"{PREFIX}{plain or datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}"


async def make_branch(project: NeonProject, wanted: Wanted, known: list[str]) -> tuple[Branch, Endpoint | None]:
    """Make a branch and wait until it can be used; -> it and its compute. known: its id is noted there at once.

    A name is given once in a project: when an answer was lost, the branch is looked for before it is asked for again.
    Raises Refused with the plan's limit, ConnectionFailed and TimedOut as Neon's operations end.
    """
    found = await _asked(project, wanted, known)
    if isinstance(found, Made):
        known.append(found.branch.id)
        await project.neon.finished(project.id, found.operations)
        found = found.branch, next((one for one in found.endpoints if one.kind == "read_write"), None)
    if wanted.masks:
        await project.neon.anonymised(project.id, found[0].id)
    return found


async def _asked(project: NeonProject, wanted: Wanted, known: list[str]) -> Made | tuple[Branch, Endpoint | None]:
    """The answer of the API, or the branch that it was found to have made although no answer came."""
    for _ in range(TRIES):
        try:
            return await project.neon.create(project.id, wanted)
        except Unanswered:
            if (found := await _found(project, wanted.name, known)) is not None:
                return found
    return await project.neon.create(project.id, wanted)


async def make_whole(project: NeonProject, wanted: Wanted) -> Branch:
    """Make a branch that stays; one that did not come to its end is removed before the error is raised."""
    known: list[str] = []
    try:
        branch, _ = await finish(make_branch(project, wanted, known))
    except ArchitectError as error:
        left = await finish(_removed(project, wanted.name, known)) if _may_be_there(error, known) else ""
        raise type(error)(error.message, f"{left} {error.hint}".strip()) from error
    return branch


def _may_be_there(error: ArchitectError, known: list[str]) -> bool:
    """Whether something may have been made: what Neon refused was not."""
    return bool(known) or not isinstance(error, Refused)


async def _found(project: NeonProject, name: str, known: list[str]) -> tuple[Branch, Endpoint | None] | None:
    """A branch by its name, once it is ready; None when there is none."""
    pace = project.neon.pace
    deadline = asyncio.get_running_loop().time() + pace.whole
    wait = pace.poll
    while True:
        branch = next((one for one in await project.neon.branches(project.id) if one.name == name), None)
        known[:] = [branch.id] if branch else []
        if branch is None or branch.state in READY:
            break
        if asyncio.get_running_loop().time() > deadline:
            raise TimedOut(
                f"The branch {name} is not ready after {pace.whole:g} s.", "Look at it with manage_branch action=list."
            )
        await asyncio.sleep(wait)
        wait = min(2 * wait, 4.0)
    if branch is None:
        return None
    endpoints = await project.neon.endpoints(project.id)
    return branch, next((one for one in endpoints if one.branch_id == branch.id and one.kind == "read_write"), None)


async def remove_branch(project: NeonProject, branch: str) -> None:
    """Delete a branch by its id, and wait; one that is gone already is no error."""
    await project.neon.finished(project.id, await project.neon.delete(project.id, branch))


def check_room(project: NeonProject, plan: Plan, *, schema_only: bool) -> None:
    """Raise Refused when the plan has no room for another branch, with those that could go."""
    count = len(project.branches)
    if not plan.branches or count < plan.branches:
        return
    ours = [one.name for one in project.branches if one.is_ours and one != project.live]
    told = f"Delete one of dbarch's: {', '.join(ours[:10])}." if ours else "Delete a branch that is not needed."
    kind = "; one with the schema alone counts as a root branch too" if schema_only else ""
    raise Refused(f"The plan{_named(plan)} has room for {plan.branches} branches, and there are {count}{kind}.", told)


def _named(plan: Plan) -> str:
    return f" {plan.name}" if plan.name else ""


@asynccontextmanager
async def fresh_branch(workspace: Workspace, project: NeonProject) -> AsyncIterator[Ground]:
    """A branch of live's that is there for the length of a block; it is removed also when the block fails or is cancelled.

    Should it not be removed, it ends by itself within the hour, and `left` says so. Raises ConfigError when the
    configured database is no branch's.
    """
    if project.live is None:
        raise ConfigError(
            "The configured database is on no branch of the Neon project.",
            "Set DATABASE_URL to the project's database, or NEON_PROJECT_ID to its project.",
        )
    if project.live.expires:
        raise Refused(
            f"{project.live.name}, the branch of the configured database, ends by itself, and Neon makes no branches of such a one.",
            f'Name a branch of its parent: "branch:<name>", made by manage_branch with parent={project.live.parent_id!r}.',
        )
    name = fresh_name()
    workspace.progress(f"making the branch {name}", 0.1)
    known: list[str] = []
    ground = Ground(name, "", project.live.name, moment_in(HOURS), is_fresh=True)
    try:
        branch, endpoint = await finish(make_branch(project, Wanted(name, project.live, ground.expires), known))
        ground.url = await project.address(branch, endpoint)
        workspace.redactor.add_url(ground.url)
        yield ground
    finally:
        ground.left = await finish(_removed(project, name, known))


async def _removed(project: NeonProject, name: str, known: list[str]) -> str:
    """Remove what was made, by its name when its id never came; -> why it could not be, "" when it is gone."""
    try:
        identities = known or [one.id for one in await project.neon.branches(project.id) if one.name == name]
        for identity in identities:
            await remove_branch(project, identity)
    except ArchitectError as error:
        return (
            f"The branch {name} could not be removed ({error.message.rstrip('.')}); it ends by itself within the hour, "
            f"or delete it: manage_branch action=delete name={name}."
        )
    return ""


def check_word(workspace: Workspace, word: str) -> None:
    """Raise Refused for a word that means no branch, ConfigError where there is no key: before any work is done."""
    kind, colon, name = word.strip().partition(":")
    if kind != "branch" or (colon and not name.strip()):
        raise Refused(
            f"{word[:60]!r} names no branch.", 'Write "branch" for a fresh one of live\'s, or "branch:<name>".'
        )
    if not workspace.settings.neon_key:
        raise ConfigError(
            "No Neon API key is set, so that no branch can be made or found.",
            "Make one in the Neon console (Settings, API keys) and set NEON_API_KEY in the environment or the project's .env.",
        )


@asynccontextmanager
async def branch_ground(workspace: Workspace, word: str, *, only_ours: bool = False) -> AsyncIterator[Ground]:
    """The branch that a word means: `branch`, a fresh one, or `branch:<name>`, one that is there and stays.

    only_ours: for work that changes the branch without having been asked for in each step. Raises Refused for the
    configured database's branch, the default one and protected ones, NotFound for one that is not there.
    """
    from mcp_server.world.neon_project import open_project

    check_word(workspace, word)
    name = word.strip().partition(":")[2]
    async with open_project(workspace) as project:
        if not name:
            async with fresh_branch(workspace, project) as ground:
                yield ground
            return
        yield await _standing(workspace, project, name.strip(), only_ours=only_ours)


async def _standing(workspace: Workspace, project: NeonProject, name: str, *, only_ours: bool) -> Ground:
    branch = project.branch(name)
    what = project.kept_for(branch)
    if what:
        raise Refused(
            f"{branch.name} is {what}; nothing is tried out there.",
            'Make a branch of it with manage_branch, or write "branch" for a fresh one.',
        )
    if only_ours and not branch.is_ours:
        raise Refused(
            f"{branch.name} was not made by dbarch, and rehearsing would change it.",
            'Make one with manage_branch, or write "branch" for a fresh one that is removed afterwards.',
        )
    url = await project.address(branch)
    workspace.redactor.add_url(url)
    parent = next((one.name for one in project.branches if one.id == branch.parent_id), "")
    return Ground(branch.name, url, parent, branch.expires, is_fresh=False)
