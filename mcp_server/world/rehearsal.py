"""Tried out on a throw-away copy: statements, and revisions that the user's own Alembic walks up, down and up again.

Nothing is judged here. What was run and what was read afterwards comes back; whoever asked compares.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ArchitectError, DatabaseError, MigrationError
from mcp_server.model.observation import Observed, Rows
from mcp_server.model.schema import Schema
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.handover import given_over
from mcp_server.world.migrations import Walked, walk
from mcp_server.world.roles import missing_role, provide_role
from mcp_server.world.row_watch import RowWatch
from mcp_server.world.walks import Step

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.sandbox import Sandbox, Sandboxes
    from mcp_server.world.workspace import Workspace

Command = Literal["upgrade", "downgrade"]
WALK: tuple[Command, ...] = ("upgrade", "downgrade", "upgrade")
BASE = "base"
OF_RIGHTS = re.compile(
    r"GRANT |REVOKE |ALTER DEFAULT PRIVILEGES |(?:CREATE|ALTER) PUBLICATION |COMMENT ON |ALTER .* OWNER TO ", re.I
)
EVENT_TRIGGER = re.compile(r"(?:CREATE|ALTER|COMMENT ON) EVENT TRIGGER ", re.I)


class Copy:
    """A throw-away database with a connection of our own."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record], sandbox: Sandbox, sandboxes: Sandboxes) -> None:
        self.connection = connection
        self.sandbox = sandbox
        self.sandboxes = sandboxes

    async def run(self, statements: Iterable[str]) -> None:
        """Run statements, each for itself. Roles that they name and the embedded server lacks are made.

        Raises DatabaseError whose message ends with the statement that was refused.
        """
        for sql in statements:
            while not await self._run(sql):
                pass

    async def _run(self, sql: str) -> bool:
        try:
            with translating("trying a statement out"):
                await self.connection.execute(sql)
        except DatabaseError as error:
            role = missing_role({"sqlstate": error.sqlstate, "message": error.message})
            if role and await provide_role(self.sandboxes, self.sandbox, role):
                return False
            raise type(error)(f"{error.message}\n    {sql}", error.hint, error.sqlstate) from error
        return True

    async def read(self) -> Schema:
        """The whole of it, as it is now."""
        return await read_schema(self.connection)


@asynccontextmanager
async def copy_of(
    workspace: Workspace, template: str = "", promised: Sandbox | None = None, among: Sandboxes | None = None
) -> AsyncIterator[Copy]:
    """A copy of a sandbox template, or an empty database, for the length of a block.

    promised: the sandbox to make. among: the sandboxes to make it with, and where the template is; else the workspace's.
    """
    sandboxes = among or await workspace.sandboxes()
    async with sandboxes.lend(template, promised) as sandbox, _connected(sandbox, sandboxes) as copy:
        yield copy


@asynccontextmanager
async def _connected(sandbox: Sandbox, sandboxes: Sandboxes) -> AsyncIterator[Copy]:
    connection = await connect(sandbox.url)
    try:
        yield Copy(connection, sandbox, sandboxes)
    finally:
        await finish(connection.close(timeout=5))


async def template_of(workspace: Workspace, key: str, statements: Iterable[str], *, foreign: bool = False) -> str:
    """The name of a sandbox template that holds what statements make of an empty database. key: as for template().

    foreign: they tell of a database that others write to, so that what they hold must not run with our rights.
    """
    sandboxes = await workspace.sandboxes()

    async def fill(sandbox: Sandbox) -> None:
        async with _connected(sandbox, sandboxes) as copy:
            await (run_foreign(copy, statements) if foreign else copy.run(statements))

    return await sandboxes.template(key, fill)


async def run_foreign(copy: Copy, statements: Iterable[str]) -> None:
    """Run statements as an owner of the copy. What evaluates nothing and needs more than an owner, our role does, last.

    Event triggers are left out: they would run in every session that changes the copy, and no owner can make them.
    """
    later: list[str] = []
    async with given_over(copy) as lease, lease.session() as connection:
        theirs = Copy(connection, copy.sandbox, copy.sandboxes)
        for sql in statements:
            if OF_RIGHTS.match(sql):
                later.append(sql)
            elif not EVENT_TRIGGER.match(sql):
                await (copy if sql.upper().startswith("CREATE EXTENSION ") else theirs).run([sql])
    await copy.run(later)


@dataclass(frozen=True, slots=True)
class Walkers:
    """As whom a copy is walked. owner: the way in for revisions, None for our own; connection: for rows."""

    owner: Sandbox | None
    connection: asyncpg.Connection[asyncpg.Record]


@asynccontextmanager
async def walkers_of(copy: Copy, *, foreign: bool) -> AsyncIterator[Walkers]:
    """For the length of a block; foreign: what the copy holds is not ours, so they own it and may do nothing else."""
    if not foreign:
        yield Walkers(None, copy.connection)
        return
    async with given_over(copy) as lease, lease.session() as connection:
        yield Walkers(replace(copy.sandbox, url=lease.target.url()), connection)


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be rehearsed. revision: its id. parent: the head it follows, "" for none. folder: where it lies alone.

    revisions: when there are several, all of them in order, `revision` last. template: the database that it starts from.
    stamped: whether that one carries Alembic's mark of `parent` already. prepare: statements that stand in for what
    others own and the template lacks. renames: {old identity: new identity} of tables and columns that keep their rows.
    tables: those that are filled with rows, None for all. foreign: the template tells of a database that others write to.
    """

    revision: str
    parent: str
    folder: Path
    template: str
    stamped: bool = True
    prepare: tuple[str, ...] = ()
    renames: Mapping[str, str] = field(default_factory=dict)
    tables: frozenset[str] | None = None
    revisions: tuple[str, ...] = ()
    foreign: bool = False

    def walked(self, command: Command) -> tuple[str, ...]:
        """The revisions in the order in which a walk takes them."""
        listed = self.revisions or (self.revision,)
        return listed if command == "upgrade" else listed[::-1]


@dataclass(frozen=True, slots=True)
class Stage:
    """One walk. schema: what was read after it, None when it failed; failure: why. observed: what each statement did."""

    command: Command
    schema: Schema | None = None
    failure: ArchitectError | None = None
    observed: tuple[Observed, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What was observed. start: before the first stage. server_version: as 180004. statements: those that were run.

    rows: what became of generated rows, None without any. failed_on_rows: the stage that failed with rows in the tables,
    when the same revision comes further on empty ones; `stages` are then those on empty tables.
    """

    server_version: int
    start: Schema
    stages: tuple[Stage, ...]
    statements: int
    milliseconds: int
    rows: Rows | None = None
    failed_on_rows: Stage | None = None

    @property
    def failed(self) -> Stage | None:
        """The stage that did not come to its end."""
        return next((stage for stage in self.stages if stage.failure is not None), None)

    @property
    def data_fault(self) -> str:
        """What rows keep the revision from doing, one sentence; "" when it passes with rows, or fails without any, too."""
        stage = self.failed_on_rows
        if stage is None or stage.failure is None:
            return ""
        return f"the {stage.command} fails on rows that the old schema allows: {stage.failure.message}"


async def rehearse(workspace: Workspace, course: Course, *, rows: bool = True) -> Rehearsal:
    """Upgrade, downgrade and upgrade a copy with the user's own Alembic and env.py, reading it after each.

    rows: with generated rows in its tables; what fails then is tried again on empty tables. A stage that fails is the
    last. Raises what keeps the rehearsal from starting.
    """
    tried = await _rehearse(workspace, course, rows)
    if not rows or tried.failed is None:
        return tried
    empty = await _rehearse(workspace, course, False)
    is_same = empty.failed is not None and _place(tried) == _place(empty)
    return replace(empty, rows=tried.rows, failed_on_rows=None if is_same else tried.failed)


def _place(rehearsal: Rehearsal) -> tuple[int, str]:
    """How far it came, and what stopped it."""
    return len(rehearsal.stages), str(rehearsal.failed and rehearsal.failed.failure)


async def _rehearse(workspace: Workspace, course: Course, rows: bool) -> Rehearsal:
    async with copy_of(workspace, course.template) as copy:
        await (run_foreign(copy, course.prepare) if course.foreign else copy.run(course.prepare))
        async with walkers_of(copy, foreign=course.foreign) as walkers:
            return await _walk(workspace, course, copy, walkers, rows)


async def _walk(workspace: Workspace, course: Course, copy: Copy, walkers: Walkers, rows: bool) -> Rehearsal:
    goals: list[Step] = [
        (command, course.revision if command == "upgrade" else course.parent or BASE) for command in WALK
    ]
    marks: list[Step] = [("stamp", course.parent)] if not course.stamped and course.parent else []
    watch = RowWatch(walkers.connection, course.renames, course.tables) if rows else None
    start = None if marks else await _start(copy, watch)
    began = time.monotonic()
    stages: list[Stage] = []
    statements = 0
    workspace.progress(f"rehearsing: {WALK[0]}", 0.5)
    steps = walk(workspace, copy.sandbox, marks + goals, extra=(course.folder,), observed=True, owner=walkers.owner)
    async with aclosing(steps) as walked:
        async for one in walked:
            if start is None:
                if one.failure is not None:
                    raise one.failure
                start = await _start(copy, watch)
                continue
            stages.append(await _stage(course, copy, WALK[len(stages)], one))
            statements += one.walk.statements
            seen = stages[-1].schema
            if watch is not None and seen is not None:
                await watch.look(seen, is_up=stages[-1].command == "upgrade", is_first=len(stages) == 1)
            if seen is None or len(stages) == len(WALK):
                break
            workspace.progress(f"rehearsing: {WALK[len(stages)]}", 0.5 + len(stages) * 0.15)
    assert start is not None
    spent = round((time.monotonic() - began) * 1000)
    told = watch.told() if watch else None
    return Rehearsal(copy.sandbox.server_version, start, tuple(stages), statements, spent, told)


async def _start(copy: Copy, watch: RowWatch | None) -> Schema:
    start = await copy.read()
    if watch is not None:
        await watch.begin(start)
    return start


async def _stage(course: Course, copy: Copy, command: Command, walked: Walked) -> Stage:
    done = walked.walk.done
    failure, wanted = walked.failure, course.walked(command)
    if failure is None and done != wanted:
        failure = MigrationError(f"Alembic ran {', '.join(done) or 'nothing'} instead of {', '.join(wanted)} alone.")
    if failure is not None:
        return Stage(command, None, failure, walked.walk.observed)
    return Stage(command, await copy.read(), None, walked.walk.observed)
