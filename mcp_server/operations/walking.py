"""Walks on a copy -> the migrations that rules judge: a revision up, down and up; a range of them; a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import MigrationError, StatementFailed
from mcp_server.model.action import Action
from mcp_server.model.observation import Observed
from mcp_server.model.orm import History, Revision
from mcp_server.model.schema import Schema
from mcp_server.model.walked import Environment, Migration, Statement
from mcp_server.operations.equality import differences
from mcp_server.world.actions import read_actions
from mcp_server.world.migrations import Walked, replay, walk
from mcp_server.world.rehearsal import Copy, copy_of
from mcp_server.world.revision_text import read_revision_file

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

BASE = "base"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a history. after: the revisions that stand before it. last: the revision it ends with."""

    name: str
    after: tuple[str, ...]
    last: str
    revisions: tuple[Revision, ...]

    @property
    def way_back(self) -> str:
        """Where a downgrade leads, "" when that cannot be said in one word."""
        if len(self.after) > 1:
            return ""
        return self.after[0] if self.after else BASE


def statements_of(observed: Iterable[Observed]) -> tuple[Statement, ...]:
    """Each observed statement with what it asks for."""
    return tuple(
        Statement(
            sql=seen.sql,
            actions=actions_of(seen.sql),
            effect=seen.effect,
            fresh=seen.fresh,
            is_observed=True,
            transaction=seen.transaction,
            revision=seen.revision,
            evidence=seen.evidence,
            error=seen.error,
            sqlstate=seen.sqlstate,
            place=seen.place,
        )
        for seen in observed
    )


def actions_of(sql: str) -> tuple[Action, ...]:
    """The actions of a text; none for what Postgres's grammar does not know."""
    try:
        return read_actions(sql)
    except StatementFailed:
        return ()


async def walk_stretch(
    workspace: Workspace, history: History, stretch: Stretch, sizes: Mapping[str, int], environment: Environment
) -> Migration:
    """Walk a stretch of the history up, down and up on a copy that stands before it.

    Raises MigrationError when what stands before it cannot be replayed.
    """
    template = await replay(workspace, stretch.after[0] if stretch.after else BASE, history)
    files = {one.id: read_revision_file(workspace.settings.root, one.file) for one in stretch.revisions}
    goes_back = bool(stretch.way_back) and not any(file.downgrade in ("missing", "refuses") for file in files.values())
    marks = [("upgrade", other) for other in stretch.after[1:]]
    goals = [("upgrade", stretch.last)]
    goals += [("downgrade", stretch.way_back), ("upgrade", stretch.last)] if goes_back else []
    async with copy_of(workspace, template) as copy:
        walking = _Walking(workspace, history, stretch, copy)
        await walking.run(marks, goals)
    walked = walking.migration
    return replace(walked, sizes=sizes, files=files, environment=environment)


class _Walking:
    """A walk as it goes: what was read before, in its midst and after."""

    def __init__(self, workspace: Workspace, history: History, stretch: Stretch, copy: Copy) -> None:
        self._workspace = workspace
        self._history = history
        self._copy = copy
        self._stretch = stretch
        self.migration = Migration(stretch.name, (), Schema({}), None, copy.sandbox.server_version)

    async def run(self, marks: Sequence[tuple[str, str]], goals: Sequence[tuple[str, str]]) -> None:
        """Carry out the steps that lead to the start, then those that are judged."""
        if not marks:
            self.migration = replace(self.migration, before=await self._read())
        steps = walk(self._workspace, self._copy.sandbox, [*marks, *goals], observed=True, history=self._history)
        number = -len(marks)
        async with aclosing(steps) as walked:
            async for one in walked:
                number += 1
                if number <= 0:
                    if one.failure is not None:
                        raise one.failure
                    self.migration = replace(self.migration, before=await self._read())
                    continue
                await self._take(number, one)
                self._workspace.progress(f"walked {self._stretch.name}: {number} of {len(goals)}", 0.4 + number * 0.15)

    async def _take(self, number: int, one: Walked) -> None:
        failure = _told(one.failure) if one.failure is not None else ""
        if number == 1:
            self.migration = replace(
                self.migration,
                statements=statements_of(one.walk.observed),
                after=None if failure else await self._read(),
                failure=failure,
                failed_place=_place(one.failure),
            )
        elif failure:
            told = failure if number == 2 else f"after it, the second upgrade fails: {failure}"
            self.migration = replace(self.migration, refusal=told)
        elif number == 2:
            changes = await differences(self._workspace, self.migration.before, await self._read())
            self.migration = replace(self.migration, returned=changes)

    async def _read(self) -> Schema:
        return (await self._copy.read()).without(self._history.version_table_identity)


def _told(error: MigrationError | None) -> str:
    return " ".join(error.message.split())[:600] if error is not None else ""


def _place(error: MigrationError | None) -> str:
    if error is None or not error.file:
        return ""
    return f"{error.file}:{error.line}" if error.line else error.file
