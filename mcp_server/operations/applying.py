"""What stands between a database and a revision: its place in the history, its record, and how the database stands."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server.errors import MigrationError, Refused
from mcp_server.model.apply import ApplyPlan, ApplyStep, Leftover
from mcp_server.model.change import Changes, describe
from mcp_server.model.orm import History, Revision
from mcp_server.model.rehearsal_record import RehearsalRecord, own_part
from mcp_server.model.schema import Schema
from mcp_server.operations.equality import differences
from mcp_server.operations.ground import kept_template
from mcp_server.operations.leftover import find_leftover
from mcp_server.world.carrying_out import journal_of, read_heads, read_journal
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import translating
from mcp_server.world.history_fingerprint import environment_digest
from mcp_server.world.migrations import replay, resolve
from mcp_server.world.rehearsal import copy_of
from mcp_server.world.rehearsals import find, ours, standing_of
from mcp_server.world.seal import read_key

if TYPE_CHECKING:
    from mcp_server.world.apply_lock import Connection
    from mcp_server.world.urls import Target
    from mcp_server.world.workspace import Workspace

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Site:
    """A database that revisions are to be applied to. word: as the caller names it. target: the way there.

    agreed: the database that a plan is agreed to for, where this one is a branch of it: the hash is then the same for both.
    """

    workspace: Workspace
    history: History
    word: str
    target: Target
    connection: Connection
    agreed: Target | None = None

    async def schema(self) -> Schema:
        """What is there now, without Alembic's table and without what others own."""
        return self.own(await read_schema(self.connection))

    def own(self, schema: Schema) -> Schema:
        return ours(schema, self.history.version_table_identity, self.workspace.settings.external)

    async def start(self, step: ApplyStep, heads: Sequence[str]) -> Schema:
        """Where a step's rehearsal began: what its record keeps, else what the history makes. heads: the database's."""
        return await (self._made(step.record.origin) if step.record.origin else self.replayed(*heads))

    async def end(self, step: ApplyStep) -> Schema:
        """Where a step's rehearsal ended, likewise."""
        return await (self._made(step.record.outcome) if step.record.outcome else self.replayed(step.revision.id))

    async def _made(self, statements: Sequence[str]) -> Schema:
        async with copy_of(self.workspace, await kept_template(self.workspace, statements)) as copy:
            return self.own(await copy.read())

    async def replayed(self, *revisions: str) -> Schema:
        """What the history makes of an empty database up to there; "base" when none is named."""
        if len(revisions) > 1:
            raise MigrationError(f"The database is marked with several revisions: {', '.join(revisions)}.")
        template = await replay(self.workspace, revisions[0] if revisions else "base", self.history)
        async with copy_of(self.workspace, template) as copy:
            return self.own(await copy.read())


async def prepare(site: Site, revision: str) -> ApplyPlan:
    """What applying up to a revision would do. Raises Refused or MigrationError with what is in the way, and the next step."""
    heads = await read_heads(site.connection, site.history)
    pending = _pending(site.history, heads, revision)
    with translating("asking for the server's version"):
        version = int(await site.connection.fetchval("select pg_catalog.current_setting('server_version_num')"))
    steps = _recorded(site, pending, version)
    target = site.target.direct()
    place = (site.agreed or site.target).direct().place
    plan = ApplyPlan(site.word, place, target.label, version, heads, steps, notes=_stopped_before(site, heads))
    return await _compared(site, plan) if steps else plan


def _stopped_before(site: Site, heads: Sequence[str]) -> tuple[str, ...]:
    """That an earlier apply on this database did not come to its end, as its journal tells."""
    stopped = read_journal(journal_of(site.workspace.ledger, site.target))
    if stopped is None:
        return ()
    done = {item.id for item in site.history.ancestors(*heads)} if heads else set()
    how = "it had come to its end" if stopped.revision in done else "the database is not marked with it"
    return (f"An apply of {stopped.revision}, begun {stopped.at}, did not report its end; {how}.",)


def _pending(history: History, heads: Sequence[str], revision: str) -> tuple[Revision, ...]:
    if not history.revisions:
        raise MigrationError("The project has no Alembic revisions.", "Write the first: autogenerate_migration.")
    wanted = resolve(history, "head" if revision == "heads" else revision)
    if not wanted:
        raise Refused(
            f"{revision!r} names no revision to apply.", "Name a revision's id, or head. Going back is not done here."
        )
    if strange := [head for head in heads if history.get(head) is None]:
        raise Refused(
            f"The database is at revision {', '.join(strange)}, which the project's history does not have.",
            "Check out the branch that holds it, or correct the history.",
        )
    done = {item.id for item in history.ancestors(*heads)} if heads else set()
    return tuple(item for item in history.ancestors(*wanted) if item.id not in done)


def _recorded(site: Site, pending: Sequence[Revision], version: int) -> tuple[ApplyStep, ...]:
    """The pending revisions with their records. Raises Refused that names every one that may not run."""
    steps: list[ApplyStep] = []
    faults: list[str] = []
    key = read_key(site.workspace.cache)
    for item in pending:
        record = find(site.workspace.settings.root, item.id, key)
        found = tuple(_faults(site, item, record, version, steps[-1].record if steps else None))
        faults += (f"- {item.id} ({item.file}): {fault}" for fault in found)
        if record is not None and not found:
            steps.append(ApplyStep(item, record))
    if faults:
        raise Refused(
            "Not every pending revision was rehearsed as it is now; nothing was run.\n" + "\n".join(faults),
            f"Rehearse them: review_migration, for each by its id, first {faults[0].split()[1]}. On a server of another "
            "major version: DBARCH_SANDBOX_URL names one like the target.",
        )
    return tuple(steps)


def _faults(
    site: Site, item: Revision, record: RehearsalRecord | None, version: int, before: RehearsalRecord | None
) -> Iterator[str]:
    """Why a revision may not run, one text each."""
    root = site.workspace.settings.root
    if record is None:
        yield "no rehearsal of it is on record"
        return
    if not record.is_ours:
        yield "the record of its rehearsal was not written by dbarch for you on this machine, or was changed since"
        return
    try:
        content = (root / item.file).read_bytes()
    except OSError as error:
        yield f"its file cannot be read: {error.strerror or error}"
        return
    if hashlib.sha256(content).hexdigest() != record.sha256:
        yield f"its file was changed since it was rehearsed at {record.at}"
    elif environment_digest(site.history, root / Path(item.file), root) != record.environment:
        yield f"env.py, or what else it runs with, was changed since it was rehearsed at {record.at}"
    if record.server_version // 10_000 != version // 10_000:
        yield f"it was rehearsed on PostgreSQL {record.server_version // 10_000}, the target is {version // 10_000}"
    if before is not None and not before.after.meets(record.before):
        yield f"it was rehearsed from another schema than the one that {before.revision} leaves"


async def _compared(site: Site, plan: ApplyPlan) -> ApplyPlan:
    """The plan, once the database stands where the first rehearsal began, or where a stopped apply left it."""
    first = plan.steps[0].record
    whole = await read_schema(site.connection)
    now = standing_of(whole, site.history.version_table_identity, site.workspace.settings.external)
    if now.meets(first.before):
        return plan
    if missing := now.missing(first.before):
        raise Refused(
            f"The database lacks what the revision was rehearsed with: {', '.join(missing[:SHOWN])}.",
            "Make it, then call again.",
        )
    await site.workspace.sandboxes(near=plan.server_version)
    start, live = await site.start(plan.steps[0], plan.heads), site.own(whole)
    changes = await differences(site.workspace, own_part(start), own_part(live))
    if not changes:
        return replace(
            plan, notes=(*plan.notes, "It differs from the rehearsed start in wording only, not in substance.")
        )
    leftover = await find_leftover(site, plan.steps[0], start, live, changes)
    if leftover is None or leftover.way == "by hand":
        raise Refused(*_drift(changes, plan.steps[0], leftover))
    return replace(plan, leftover=leftover)


def _drift(changes: Changes, step: ApplyStep, leftover: Leftover | None) -> tuple[str, str]:
    """Why nothing can be run on the database as it is, and the next step."""
    lines = [f"- {describe(change)}" for change in changes[:SHOWN]]
    if len(changes) > SHOWN:
        lines.append(f"- and {len(changes) - SHOWN} more")
    told = "\n".join(lines)
    if leftover is None:
        return (
            f"The database is not what {step.revision.id} was rehearsed on; nothing was run. From the history to it:\n{told}",
            "Bring both together: autogenerate_migration(before='migrations', after='live') writes what the history lacks.",
        )
    return (
        f"An apply of {step.revision.id} was stopped halfway, outside of a transaction. Of it there is already:\n{told}\n"
        f"Still open: {'; '.join(leftover.open) or 'perhaps rows'}.",
        f"Finish {step.revision.file} by hand, or take back what is there; then call apply_migration again.",
    )
