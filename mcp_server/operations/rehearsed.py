"""A rehearsal that passed becomes a record, without which apply_migration runs nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.model.change import Altered, Dropped, diff
from mcp_server.model.lock import MODES, Lock
from mcp_server.model.names import split
from mcp_server.model.orm import History
from mcp_server.model.rehearsal_record import RehearsalRecord, RehearsedStatement
from mcp_server.model.schema import Column, Enum, Schema, Table, group_of
from mcp_server.world.history_fingerprint import environment_digest
from mcp_server.world.rehearsals import remember, standing_of
from mcp_server.world.revision_files import relative

if TYPE_CHECKING:
    from mcp_server.model.migration import Draft
    from mcp_server.model.plan import Step
    from mcp_server.operations.migrate import Revision
    from mcp_server.operations.project import Project
    from mcp_server.world.rehearsal import Rehearsal
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A revision that walked up, down and up on a copy. path: where its file is.

    start, end: the whole Schemas before and after the upgrade. statements: of the upgrade. repeatable: see RehearsalRecord.
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
    )
    remember(workspace.ledger, record, workspace.redactor)
    return record


def record_written(project: Project, drafted: Draft, revision: Revision, rehearsal: Rehearsal) -> None:
    """Record a revision that autogenerate_migration wrote and that carries the whole plan."""
    end = rehearsal.stages[-1].schema
    assert end is not None
    history = project.history
    if project.files:
        history = replace(
            history,
            script_location=str(project.versions.parent),
            versions=(str(project.versions),),
            folder=str(project.run_in),
        )
    rehearsed = Rehearsed(
        revision=revision.id,
        parents=(revision.parent,) if revision.parent else (),
        path=revision.path,
        start=rehearsal.start,
        end=end,
        server_version=rehearsal.server_version,
        statements=statements_of(drafted.plan.upgrade),
        plan_hash=drafted.plan.hash,
    )
    record_rehearsal(project.workspace, history, rehearsed)


def statements_of(steps: Iterable[Step]) -> tuple[RehearsedStatement, ...]:
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
