"""A rehearsal that passed becomes a record, without which apply_migration runs nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mcp_server.model.change import Altered, Dropped, diff
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.names import split
from mcp_server.model.orm import History, Revision
from mcp_server.model.rehearsal_record import RehearsalRecord, RehearsedStatement
from mcp_server.model.schema import Column, Enum, Schema, Table, group_of
from mcp_server.planning.whole import making
from mcp_server.world.destruction import destroyed
from mcp_server.world.history_fingerprint import environment_digest
from mcp_server.world.migrations import replay, walk
from mcp_server.world.rehearsal import copy_of, run_foreign, walkers_of
from mcp_server.world.rehearsals import remember, standing_of
from mcp_server.world.revision_files import relative
from mcp_server.world.seal import read_key

if TYPE_CHECKING:
    from mcp_server.model.plan import Step as PlanStep
    from mcp_server.operations.project import Project
    from mcp_server.world.rehearsal import Rehearsal
    from mcp_server.world.walks import Step
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A revision that walked up, down and up on a copy. path: where its file is.

    start, end: the whole Schemas before and after the upgrade. statements: of the upgrade. repeatable: see RehearsalRecord.
    is_apart: it began where the history does not lead, so that both Schemas are to be kept.
    """

    revision: str
    parents: tuple[str, ...]
    path: Path
    start: Schema
    end: Schema
    server_version: int
    statements: tuple[RehearsedStatement, ...]
    repeatable: bool = False
    plan_hash: str = ""
    is_apart: bool = False


def record_rehearsal(workspace: Workspace, history: History, rehearsed: Rehearsed) -> RehearsalRecord:
    """Keep what was rehearsed, so that apply_migration may run it. history: the one that the file belongs to.

    What only the Schemas tell of losses is added to the last statement. Raises ConfigError when it cannot be written.
    """
    settings, table = workspace.settings, history.version_table_identity
    record = RehearsalRecord(
        revision=rehearsed.revision,
        parents=rehearsed.parents,
        file=relative(rehearsed.path, settings.root),
        sha256=hashlib.sha256(rehearsed.path.read_bytes()).hexdigest(),
        environment=environment_digest(history, rehearsed.path, settings.root),
        before=standing_of(rehearsed.start, table, settings.external),
        after=standing_of(rehearsed.end, table, settings.external),
        server_version=rehearsed.server_version,
        at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        statements=_with_losses(rehearsed, table),
        repeatable=rehearsed.repeatable,
        plan_hash=rehearsed.plan_hash,
        origin=making(rehearsed.start.without(table)) if rehearsed.is_apart else (),
        outcome=making(rehearsed.end.without(table)) if rehearsed.is_apart else (),
    )
    remember(workspace.ledger, record, workspace.redactor, read_key(workspace.cache))
    return record


class Seen(Protocol):
    """A statement that was watched while it ran: Observed, or what a review makes of it. transaction: as in Observed."""

    @property
    def sql(self) -> str: ...
    @property
    def fresh(self) -> tuple[Lock, ...]: ...
    @property
    def transaction(self) -> int: ...
    @property
    def error(self) -> str: ...


def record_reviewed(
    workspace: Workspace,
    history: History,
    revision: Revision,
    walked: tuple[Schema, Schema],
    version: int,
    seen: Iterable[Seen],
    *,
    is_apart: bool = False,
) -> RehearsalRecord:
    """Record one revision of the history that a review walked up and, where it can, down and up again, without a failure.

    walked: the Schemas before and after its upgrade. version: server_version_num. seen: the upgrade's statements.
    """
    start, end = walked
    path = workspace.settings.root / revision.file
    statements = statements_of_observed(seen)
    rehearsed = Rehearsed(revision.id, revision.parents, path, start, end, version, statements, is_apart=is_apart)
    return record_rehearsal(workspace, history, rehearsed)


@dataclass(frozen=True, slots=True)
class Part:
    """One of the revisions that a plan was written into. statements, repeatable: see RehearsalRecord."""

    revision: str
    path: Path
    statements: tuple[RehearsedStatement, ...]
    repeatable: bool = False


async def record_written(
    project: Project,
    parent: str,
    parts: Sequence[Part],
    rehearsal: Rehearsal,
    plan_hash: str,
    between: Sequence[Schema] | None = None,
) -> None:
    """Record the revisions that autogenerate_migration wrote and walked together; parent: what the first follows.

    A walk is read at its ends only. between: what lies between two revisions, where they began apart from the history;
    None when it is what the history makes of an empty database.
    """
    end = rehearsal.stages[-1].schema
    assert end is not None
    workspace, history = project.workspace, _as_placed(project)
    before = rehearsal.start
    for number, part in enumerate(parts):
        if number == len(parts) - 1:
            after = end
        else:
            after = between[number] if between is not None else await _replayed(workspace, part.revision)
        rehearsed = Rehearsed(
            part.revision,
            (parent,) if parent else (),
            part.path,
            before,
            after,
            rehearsal.server_version,
            part.statements,
            part.repeatable,
            plan_hash,
            between is not None,
        )
        record_rehearsal(workspace, history, rehearsed)
        before, parent = after, part.revision


async def read_between(
    workspace: Workspace, begun: tuple[str, Sequence[str], str, bool], revisions: Sequence[str], folder: Path
) -> tuple[Schema, ...]:
    """What stands after each of these revisions, walked from where the history does not lead.

    begun: the template, the statements that complete it, the revision that it is to be marked with, and whether others
    write to where it was copied from. folder: of the files.
    """
    template, prepare, parent, foreign = begun
    marks: list[Step] = [("stamp", parent)] if parent else []
    found: list[Schema] = []
    steps: list[Step] = [*marks, *(("upgrade", one) for one in revisions)]
    async with copy_of(workspace, template) as copy:
        await (run_foreign(copy, prepare) if foreign else copy.run(prepare))
        async with (
            walkers_of(copy, foreign=foreign) as walkers,
            aclosing(walk(workspace, copy.sandbox, steps, extra=(folder,), owner=walkers.owner)) as walked,
        ):
            async for one in walked:
                if one.failure is not None:
                    raise one.failure
                found.append(await copy.read())
    return tuple(found[len(marks) :])


def _as_placed(project: Project) -> History:
    """The history as it is once a new environment lies in the project."""
    if not project.files:
        return project.history
    return replace(
        project.history,
        script_location=str(project.versions.parent),
        versions=(str(project.versions),),
        folder=str(project.run_in),
    )


async def _replayed(workspace: Workspace, revision: str) -> Schema:
    async with copy_of(workspace, await replay(workspace, revision)) as copy:
        return await copy.read()


def statements_of(steps: Iterable[PlanStep]) -> tuple[RehearsedStatement, ...]:
    """The steps of a plan as statements of a record; the lock is the one that the plan names."""
    return tuple(
        RehearsedStatement(
            step.sql,
            (Lock(group_of(step.change.item), step.lock),) if step.lock in MODES else (),
            step.transactional,
            (step.change.item.identity,) if step.destructive else (),
        )
        for step in steps
    )


def statements_of_observed(observed: Iterable[Seen]) -> tuple[RehearsedStatement, ...]:
    """What was seen of one revision's upgrade as statements of a record; what they destroy is read from their text."""
    seen = tuple(observed)
    together = len({one.transaction for one in seen}) == 1 and not any(_is_alone(one.sql) for one in seen)
    return tuple(RehearsedStatement(one.sql, one.fresh, together, destroyed(one.sql)) for one in seen if not one.error)


def _is_alone(sql: str) -> bool:
    """Whether Postgres runs it outside of a transaction only."""
    return re.search(r"\bconcurrently\b|^\s*(vacuum|alter\s+system)\b", sql, re.IGNORECASE) is not None


def _with_losses(rehearsed: Rehearsed, version_table: str) -> tuple[RehearsedStatement, ...]:
    """The statements, the last of which also answers for what is gone although no statement was said to destroy it.

    Locks are kept of what stood before: nobody waits for what the revision makes itself.
    """
    start = rehearsed.start
    statements: Sequence[RehearsedStatement] = tuple(
        replace(one, locks=tuple(lock for lock in one.locks if start.group(lock.relation)))
        for one in rehearsed.statements
    )
    named = {name for statement in statements for name in statement.destroys}
    unnamed = tuple(
        name
        for name in losses(start, rehearsed.end)
        if name not in {*named, version_table} and not _is_renamed(name, statements)
    )
    if not unnamed:
        return tuple(statements)
    statements = statements or (RehearsedStatement(""),)
    last = statements[-1]
    return (*statements[:-1], replace(last, destroys=(*last.destroys, *unnamed)))


def _is_renamed(identity: str, statements: Iterable[RehearsedStatement]) -> bool:
    """Whether a statement renames it: it keeps its rows under another name."""
    words = set(split(identity)[-2:])
    texts = (statement.sql for statement in statements if re.search(r"\brename\b", statement.sql, re.IGNORECASE))
    return any(words & set(re.findall(r"\w+", text)) for text in texts)


def losses(before: Schema, after: Schema) -> Iterator[str]:
    """Tables, columns and enums of one Schema whose rows or values the other has no place for."""
    for change in diff(before, after):
        match change:
            case Dropped(Table(kind="table") as table):
                yield table.identity
            case Dropped(Column(generated=None) as column) if after.get(Table, column.table):
                yield column.identity
            case Altered(before=Enum() as old, after=Enum() as new) if not set(old.values) <= set(new.values):
                yield new.identity
