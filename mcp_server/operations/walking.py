"""Walks on a copy -> the migrations that rules judge: a revision up, down and up; a range of them; a script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import MigrationError, StatementFailed
from mcp_server.model.action import Action
from mcp_server.model.observation import Effect, Observed
from mcp_server.model.orm import Revision
from mcp_server.model.schema import Schema, Table
from mcp_server.model.walked import Environment, Migration, Statement
from mcp_server.operations.equality import differences
from mcp_server.operations.ground import kept_template
from mcp_server.planning.prediction import predict
from mcp_server.world.actions import read_actions
from mcp_server.world.migrations import Walked, replay, walk
from mcp_server.world.rehearsal import Copy, copy_of
from mcp_server.world.revision_text import read_revision_file
from mcp_server.world.row_watch import RowWatch

if TYPE_CHECKING:
    from mcp_server.world.walker import Walker
    from mcp_server.world.workspace import Workspace

BASE = "base"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a history. after: the revisions that stand before it. last: the revision it ends with.

    origin: statements that make where it begins, when the history does not lead there.
    """

    name: str
    after: tuple[str, ...]
    last: str
    revisions: tuple[Revision, ...]
    origin: tuple[str, ...] = ()

    @property
    def way_back(self) -> str:
        """Where a downgrade leads, "" when that cannot be said in one word."""
        if len(self.after) > 1:
            return ""
        return self.after[0] if self.after else BASE


def statements_of(observed: Iterable[Observed], before: Schema) -> tuple[Statement, ...]:
    """Each observed statement with what it asks for. before: the Schema at the start, which tells actions apart."""
    return tuple(
        Statement(
            sql=seen.sql,
            actions=(actions := actions_of(seen.sql)),
            effect=seen.effect,
            fresh=seen.fresh,
            parts=_parts(actions, before),
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


def _parts(actions: tuple[Action, ...], schema: Schema) -> tuple[Effect, ...]:
    """What each of several actions would do alone; nothing for one that Postgres would refuse alone."""
    if len(actions) < 2:
        return ()
    return tuple(predict((action,), schema, schema.server_version) for action in actions)


def actions_of(sql: str) -> tuple[Action, ...]:
    """The actions of a text; none for what Postgres's grammar does not know."""
    try:
        return read_actions(sql)
    except StatementFailed:
        return ()


async def walk_stretch(
    workspace: Workspace,
    walker: Walker,
    stretch: Stretch,
    sizes: Mapping[str, int],
    environment: Environment,
    template: str = "",
) -> Migration:
    """Walk a stretch of the history up, down and up on a copy that stands before it.

    template: of the sandboxes, where what stands before it was made otherwise than by replaying.
    Raises MigrationError when what stands before it cannot be replayed.
    """
    is_made = bool(stretch.origin or template)  # then nothing of Alembic's stands in it yet
    marks = [("stamp", one) for one in stretch.after] if is_made else [("upgrade", one) for one in stretch.after[1:]]
    template = template or await _begin(workspace, walker, stretch)
    files = {one.id: read_revision_file(workspace.settings.root, one.file) for one in stretch.revisions}
    goes_back = bool(stretch.way_back) and not any(file.downgrade in ("missing", "refuses") for file in files.values())
    goals = [("upgrade", stretch.last)]
    goals += [("downgrade", stretch.way_back), ("upgrade", stretch.last)] if goes_back else []
    words = mentioned(_text(workspace.settings.root / one.file) for one in stretch.revisions)
    walked = None
    for with_rows in (words, None):
        async with copy_of(workspace, template, walker.sandbox) as copy:
            walking = _Walking(workspace, walker, stretch, copy, with_rows)
            await walking.run(marks, goals)
        tried, walked = walked, walking.migration
        if not walked.first_failure or not words:
            break
    assert walked is not None
    if tried is not None:
        walked = without_rows(tried, walked)
    return replace(walked, sizes=sizes, files=files, environment=environment)


async def _begin(workspace: Workspace, walker: Walker, stretch: Stretch) -> str:
    """The template on which a stretch begins."""
    if stretch.origin:
        return await kept_template(workspace, stretch.origin)
    return await replay(workspace, stretch.after[0] if stretch.after else BASE, walker=walker)


def without_rows(tried: Migration, empty: Migration) -> Migration:
    """A walk on empty tables that followed one which failed on rows; its failure is told of rows when the empty one has none."""
    if empty.first_failure == tried.first_failure:
        return empty
    return replace(empty, data_failure=tried.first_failure, rows=tried.rows)


def mentioned(texts: Iterable[str]) -> frozenset[str]:
    """The words of texts, among which are the names of the tables that they are about."""
    return frozenset(word for text in texts for word in _WORD.findall(text))


def tables_among(words: frozenset[str], schema: Schema) -> tuple[str, ...]:
    """The tables whose names are among these words."""
    return tuple(table.identity for table in schema.all(Table) if table.name in words)


def _text(path: Path) -> str:
    return path.read_text("utf-8", errors="replace")


class _Walking:
    """A walk as it goes: what was read before, in its midst and after."""

    def __init__(
        self, workspace: Workspace, walker: Walker, stretch: Stretch, copy: Copy, words: frozenset[str] | None
    ) -> None:
        self._workspace = workspace
        self._walker = walker
        self._copy = copy
        self._stretch = stretch
        self._words = words
        self._rows: RowWatch | None = None
        self.migration = Migration(stretch.name, (), Schema({}), None, copy.sandbox.server_version)

    async def run(self, marks: Sequence[tuple[str, str]], goals: Sequence[tuple[str, str]]) -> None:
        """Carry out the steps that lead to the start, then those that are judged."""
        if not marks:
            await self._start()
        history, sandbox = self._walker.history, self._copy.sandbox
        steps = walk(self._workspace, sandbox, [*marks, *goals], observed=True, history=history, walker=self._walker)
        number = -len(marks)
        async with aclosing(steps) as walked:
            async for one in walked:
                number += 1
                if number <= 0:
                    if one.failure is not None:
                        raise one.failure
                    await self._start()
                    continue
                await self._take(number, one)
                self._workspace.progress(f"walked {self._stretch.name}: {number} of {len(goals)}", 0.4 + number * 0.15)

    async def _take(self, number: int, one: Walked) -> None:
        failure = _told(one.failure) if one.failure is not None else ""
        reached = None if failure else await self._read()
        if number == 1:
            self.migration = replace(
                self.migration,
                statements=statements_of(one.walk.observed, self.migration.before),
                after=reached,
                failure=failure,
                failed_place=_place(one.failure),
            )
        elif failure:
            told = failure if number == 2 else f"after it, the second upgrade fails: {failure}"
            self.migration = replace(self.migration, refusal=told)
        elif number == 2 and reached is not None:
            changes = await differences(self._workspace, self.migration.before, reached)
            self.migration = replace(self.migration, returned=changes)
        if self._rows is not None and reached is not None:
            await self._rows.look(reached, is_up=number != 2, is_first=number == 1)
            self.migration = replace(self.migration, rows=self._rows.told())

    async def _start(self) -> None:
        """Read where the walk begins, and put rows into the tables that it is about."""
        before = await self._read()
        self.migration = replace(self.migration, before=before)
        if self._words is not None:
            self._rows = RowWatch(self._copy.connection, {}, tables_among(self._words, before))
            await self._rows.begin(before)

    async def _read(self) -> Schema:
        return (await self._copy.read()).without(self._walker.history.version_table_identity)


def _told(error: MigrationError | None) -> str:
    return " ".join(error.message.split())[:600] if error is not None else ""


def _place(error: MigrationError | None) -> str:
    if error is None or not error.file:
        return ""
    return f"{error.file}:{error.line}" if error.line else error.file
