"""Revisions walked on a branch at Neon, on request: live's rows, the user's own Alembic, every statement watched."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import MigrationError, Refused
from mcp_server.model.branch_walk import BranchStage, BranchWalk
from mcp_server.model.names import quote
from mcp_server.model.schema import Schema
from mcp_server.operations.equality import differences
from mcp_server.world.alembic_process import open_alembic
from mcp_server.world.branch_copy import branch_session
from mcp_server.world.branch_making import Ground, branch_ground, check_word
from mcp_server.world.carrying_out import read_heads, without_rows
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import finish, translating
from mcp_server.world.guest_errors import migration_error
from mcp_server.world.walks import Errand, Step, Stopped, walk_steps

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.model.orm import History
    from mcp_server.model.walked import Migration
    from mcp_server.operations.migrate import Tried
    from mcp_server.operations.project import Project
    from mcp_server.operations.walking import Stretch
    from mcp_server.world.alembic_process import Alembic
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

_ROWS = """
    select coalesce(sum(greatest(reltuples, 0)), 0)::int8 from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""


@dataclass(frozen=True, slots=True)
class Course:
    """What is walked. revision: the last one. parents: what stands before the first. way_back: where its downgrade leads, "" for
    nowhere. extra: folders of revisions that are not in the history yet."""

    revision: str
    parents: tuple[str, ...]
    way_back: str
    extra: tuple[Path, ...] = ()


def check_ground(workspace: Workspace, word: str) -> None:
    """Raise what speaks against a walk on the branch that a word means, as far as that is known at once; "" asks for none."""
    if word:
        check_word(workspace, word)


async def walk_drafted(project: Project, tried: Tried, on: str) -> BranchWalk | None:
    """Drafted revisions, walked on a branch where that is asked for."""
    if not on:
        return None
    parents = (tried.parent,) if tried.parent else ()
    course = Course(tried.revisions[-1].id, parents, tried.parent or "base", (tried.folder,))
    return await walk_on_branch(project.workspace, on, project.history, course)


async def walk_reviewed(
    workspace: Workspace,
    on: str,
    history: History,
    stretches: tuple[Stretch, ...],
    migrations: tuple[Migration, ...],
) -> tuple[Migration, ...]:
    """The one migration of a review, walked on a branch too, unless it fails on empty tables. Raises Refused for several."""
    if len(stretches) != 1 or len(migrations) != 1:
        raise Refused("One revision, or one range, is walked on a branch at a time.", "Name it by its id, or as a:b.")
    (stretch,), (migration,) = stretches, migrations
    if migration.after is None:
        return migrations
    course = Course(stretch.last, stretch.after, "" if migration.returned is None else stretch.way_back)
    return (replace(migration, on_branch=await walk_on_branch(workspace, on, history, course)),)


async def walk_on_branch(workspace: Workspace, word: str, history: History, course: Course) -> BranchWalk:
    """Walk revisions up, down and up on the branch that a word means; one that stays is led back to where it stood.

    word: see branch_ground(). Raises Refused and what the API raises; what Postgres refuses is part of the answer.
    """
    alembic = await open_alembic(workspace)
    if alembic is None:
        raise MigrationError("The project has no Alembic configuration.", "autogenerate_migration makes one.")
    async with branch_ground(workspace, word, only_ours=True) as ground:
        walked = await _on(workspace, alembic, ground, history, course)
    return replace(walked, left=ground.left)


async def _on(workspace: Workspace, alembic: Alembic, ground: Ground, history: History, course: Course) -> BranchWalk:
    told = BranchWalk(ground.name, ground.parent, ground.is_fresh)
    async with branch_session(ground) as (connection, sandbox):
        heads = await read_heads(connection, history)
        if (note := _obstacle(history, heads, course)) != "":
            return replace(told, note=note)
        with translating("looking at the branch"):
            told = replace(told, rows=await connection.fetchval(_ROWS))
        try:
            return await _walked(workspace, alembic, sandbox, connection, _Plan(told, history, course, heads))
        finally:
            if not ground.is_fresh and not connection.is_closed():
                await finish(_quietened(connection, sandbox.name))


async def _quietened(connection: Connection, name: str) -> None:
    """Take back what made the sessions of a branch that stays hear more than usual."""
    with translating("leaving a branch"):
        await connection.execute(f"alter database {quote(name)} reset client_min_messages")


def _obstacle(history: History, heads: Sequence[str], course: Course) -> str:
    """Why nothing can be walked where the branch stands, "" when it can."""
    if strange := [head for head in heads if history.get(head) is None]:
        return f"it is at revision {', '.join(strange)}, which the project's history does not have."
    done = {one.id for one in history.ancestors(*heads)} if heads else set()
    if course.revision in done:
        return f"{course.revision} is applied there already, so that its rows have been through it."
    return ""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A walk that is to be made: what is known of the branch, the history, the course, and where the branch stands."""

    told: BranchWalk
    history: History
    course: Course
    heads: tuple[str, ...]

    @property
    def marks(self) -> list[Step]:
        """The steps to where the course begins."""
        done = {one.id for one in self.history.ancestors(*self.heads)} if self.heads else set()
        return [("upgrade", one) for one in self.course.parents if one not in done]

    @property
    def goals(self) -> list[Step]:
        up, back = ("upgrade", self.course.revision), ("downgrade", self.course.way_back)
        if not self.course.way_back:
            return [up]
        return [up, back, up] if self.told.is_fresh else [up, back, up, back]


async def _walked(
    workspace: Workspace, alembic: Alembic, sandbox: Sandbox, connection: Connection, plan: _Plan
) -> BranchWalk:
    marks, goals = plan.marks, plan.goals
    before = await read_schema(connection) if not marks else Schema({})
    told, number = plan.told, -len(marks)
    errand = Errand([*marks, *goals], plan.course.extra, observed=True)
    workspace.progress(f"walking {plan.course.revision} on {told.branch}", 0.7)
    async with aclosing(walk_steps(alembic, sandbox, errand)) as walking:
        async for one in walking:
            if isinstance(one, Stopped):
                return _stopped(alembic, plan, told, one, number)
            number += 1
            if number <= 0:
                before = await read_schema(connection)
                continue
            told = replace(told, stages=(*told.stages, BranchStage(goals[number - 1][0], one.observed)))
            if number == 2:
                returned = await differences(workspace, before, await read_schema(connection))
                told = replace(told, returned=returned)
            workspace.progress(f"walking {plan.course.revision} on {told.branch}: {number} of {len(goals)}", 0.7)
    if len(goals) == 4:  # the way back of a branch that stays is no stage of its own
        told = replace(told, stages=told.stages[:3], note=f"The branch stands at {plan.course.way_back} again.")
    return told


def _stopped(alembic: Alembic, plan: _Plan, told: BranchWalk, stopped: Stopped, number: int) -> BranchWalk:
    """The walk up to where it ended. number: of steps of the course that were done, negative on the way to its start."""
    error = migration_error(
        without_rows(stopped.answer), alembic.interpreter, plan.history, alembic.settings.run_seconds
    )
    why = " ".join(error.message.split())[:600]
    if number < 0:
        return replace(told, note=f"what stands before {plan.course.revision} fails there: {why}")
    place = f"{error.file}:{error.line}" if error.line else error.file
    stage = BranchStage(plan.goals[number][0], stopped.observed, why, place)
    note = "" if told.is_fresh else "The branch stays as that left it; manage_branch action=reset makes it new."
    return replace(told, stages=(*told.stages, stage), note=note)
