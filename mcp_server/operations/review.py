"""review_migration: a revision or a script that somebody wrote, judged after it was walked on a copy."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ConfigError, MigrationError, NotFound, Refused
from mcp_server.model.answer import Answer
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_server.errors import MigrationError
    from mcp_server.model.finding import Finding
    from mcp_server.model.orm import History
    from mcp_server.model.phase import Sizes
    from mcp_server.model.review import Review
    from mcp_server.model.walked import Migration
    from mcp_server.operations.chronicling import End
    from mcp_server.operations.walking import Stretch
    from mcp_server.world.walker import Walker
    from mcp_server.world.workspace import Workspace

SCHEMA_ONLY = re.compile(r"\s*(?:create|alter|drop|comment|grant|revoke)\b(?!.*\bas\b)", re.IGNORECASE | re.DOTALL)


async def review_migration(
    workspace: Workspace,
    revision: str = "head",
    sql: str = "",
    on: str = "",
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Judge a migration before anybody runs it: what it locks and whom that stops, what it loses, where it fails.

    It is walked on a throw-away Postgres (a revision up, down and up again with the project's own Alembic and env.py),
    and each statement is watched: locks held, rewrites, scans, index builds. Findings name file and line, the evidence
    and a fix. With revision "head" the history as a whole is judged too. No database of the project is touched.

    revision: an id or the beginning of one, head, a range as `a:b` (after a, up to b), or history for the history
    alone. sql: a script instead of a revision, as text or as file:<path.sql>; it runs on a copy of the migrations'
    head. on: branch walks a revision also on a fresh Neon branch of live with its rows, which is removed afterwards;
    branch:<name> on one that dbarch made, which stays. format: text, or json with every statement and its locks.
    """
    if on and sql.strip():
        raise Refused("Scripts are not run on branches.", "Put it into a revision: on= is for those.")
    if on:
        from mcp_server.world.branch_making import check_word

        check_word(workspace, on)
    await workspace.prefer_live_version()
    if sql.strip():
        return _answer(await _of_script(workspace, sql))
    return _answer(await _of_history(workspace, revision.strip() or "head", on.strip()))


def _answer(review: Review) -> Answer:
    from mcp_server.model.review import review_data
    from mcp_server.render.review_text import is_long, render_review

    reports = {f"review-{new_run()}": render_review(review)} if is_long(review) else {}
    where = address(next(iter(reports))) if reports else ""
    return Answer(
        text=render_review(review, where) if reports else _whole(review),
        data={**review_data(review), "report": where},
        verdict=review.verdict,
        findings=review.report.count("error") or int(review.loses),
        reports=reports,
        carried_out={"statements": sum(len(one.statements) for one in review.migrations)},
    )


def _whole(review: Review) -> str:
    from mcp_server.render.review_text import render_review

    return render_review(review)


async def _of_script(workspace: Workspace, sql: str) -> Review:
    from mcp_server.operations.ground import find_ground
    from mcp_server.operations.script import read_lines
    from mcp_server.operations.script_walk import walk_script

    lines = await read_lines(workspace, sql)
    if not lines:
        raise Refused("The script has no statement.", "Give SQL, or file:<path.sql>.")
    ground = await find_ground(workspace)
    sizes, notes = await _sizes(workspace)
    workspace.progress(f"running {len(lines)} statements on {ground.words}", 0.3)
    walked = await walk_script(workspace, lines, ground, sizes)
    notes = walked.notes if walked.migration.made_up else (*walked.notes, *notes)
    notes = (*notes, ground.note) if ground.note else notes
    return await _reviewed(walked.migration.name, (walked.migration,), (), walked.ground, notes)


async def _of_history(workspace: Workspace, revision: str, on: str) -> Review:
    from mcp_server.world.walker import open_walker

    async with open_walker(workspace) as walker:
        if walker is None:
            raise NotFound(
                "The project has no Alembic configuration.",
                'Pass sql="..." or sql="file:<path.sql>" to review a script.',
            )
        return await _of_read_history(workspace, walker, revision, on)


async def _of_read_history(workspace: Workspace, walker: Walker, revision: str, on: str) -> Review:
    from mcp_server.operations.branch_walk import walk_reviewed
    from mcp_server.operations.chronicling import read_chronicle
    from mcp_server.rules import judge

    history = walker.history
    stretches = () if revision == "history" else _stretches(history, revision)
    stretches = tuple(_from_origin(workspace, one) for one in stretches)
    sizes, notes = await _sizes(workspace)
    workspace.progress(f"replaying {len(history.revisions)} revisions", 0.1)
    walked = await _walked(workspace, walker, stretches, sizes)
    if on:
        walked = replace(walked, migrations=await walk_reviewed(workspace, on, history, stretches, walked.migrations))
    found: tuple[Finding, ...] = ()
    if revision in ("head", "heads", "history"):
        end = await _end(workspace, walker, stretches, walked)
        found = judge(await read_chronicle(workspace, history, end)).findings
    subject = f"history {history.config}" if not stretches else ", ".join(one.name for one in stretches)
    told = (*found, *(one for one in walked.findings if not any(one.code == other.code for other in found)))
    return await _reviewed(subject, walked.migrations, told, walked.ground, (*notes, *walked.notes))


@dataclass(frozen=True, slots=True)
class Walked:
    """Stretches as they were walked. ground: what on. findings, notes: of those that could not be begun where they stand.

    failure: why the history could not be replayed up to one of them.
    """

    migrations: tuple[Migration, ...] = ()
    ground: str = "a copy of what stands before"
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    failure: MigrationError | None = None


async def _end(workspace: Workspace, walker: Walker, stretches: tuple[Stretch, ...], walked: Walked) -> End:
    """What a replay of the whole history comes to, as far as the walk of its only head tells; else it is replayed.

    Nothing is replayed twice where each revision has its own transaction: then it does the same wherever it begins.
    """
    from mcp_server.operations.chronicling import read_environment, replayed
    from mcp_server.world.migrations import replay

    is_alone = len(stretches) == 1 and not stretches[0].origin
    if not is_alone or not read_environment(walker.history).transaction_per_migration:
        return await replayed(workspace, walker)
    if walked.failure is not None:
        return None, walked.failure
    (head,) = walked.migrations
    if head.after is not None and not head.failure and not _looks_at_rows(head):
        return head.after, None
    parents = stretches[0].after
    start = await replay(workspace, parents[0], walker=walker) if len(parents) == 1 else ""
    return await replayed(workspace, walker, start)


def _looks_at_rows(migration: Migration) -> bool:
    """Whether its course may be another one on empty tables: it did something else than change the schema of filled ones."""
    is_filled = migration.rows is not None and any(migration.rows.filled.values())
    return is_filled and not all(SCHEMA_ONLY.match(one.sql) for one in migration.statements)


async def _walked(
    workspace: Workspace, walker: Walker, stretches: tuple[Stretch, ...], sizes: Mapping[str, int]
) -> Walked:
    from mcp_server.operations.chronicling import read_environment
    from mcp_server.operations.ground import ground_at
    from mcp_server.operations.walking import walk_stretch

    history = walker.history
    environment = read_environment(history)
    done = Walked()
    for stretch in stretches:
        try:
            migration = await walk_stretch(workspace, walker, stretch, sizes, environment)
        except MigrationError as error:
            ground = await ground_at(workspace, history, stretch.after, error)
            done = replace(done, failure=done.failure or error)
            if ground is None:
                done = _not_walked(done, history, stretch, error)
                continue
            migration = await walk_stretch(workspace, walker, stretch, sizes, environment, ground.template)
            done = replace(done, ground=ground.words, notes=(*done.notes, ground.note))
        done = replace(done, migrations=(*done.migrations, migration))
        _record(workspace, history, stretch, migration)
    return done


def _not_walked(done: Walked, history: History, stretch: Stretch, error: MigrationError) -> Walked:
    """Told as of the history as a whole, also where a single revision is asked about: nothing of it was judged."""
    from mcp_server.operations.chronicling import failed_replay
    from mcp_server.operations.ground import NAME_ONE
    from mcp_server.rules import judge

    why = " ".join(error.message.split())[:300].rstrip(".")
    hint = f"{error.hint} {NAME_ONE}".strip()
    note = f"{stretch.name} was not walked, because what stands before it fails: {why}. {hint}"
    found = judge(failed_replay(history, error)).findings
    return replace(done, findings=(*done.findings, *found), notes=(*done.notes, note))


def _record(workspace: Workspace, history: History, stretch: Stretch, migration: Migration) -> None:
    """Keep what was walked to its end, so that apply_migration may run it; of a range nothing, since it is read at its ends."""
    from mcp_server.operations.rehearsed import record_reviewed

    if len(stretch.revisions) == 1 and migration.after is not None and not migration.refusal:
        walked = (migration.before, migration.after)
        record_reviewed(
            workspace,
            history,
            stretch.revisions[0],
            walked,
            migration.server_version,
            migration.statements,
            is_apart=bool(stretch.origin),
        )


def _from_origin(workspace: Workspace, stretch: Stretch) -> Stretch:
    """The stretch; where its one revision was written for a database that the history does not make, it begins there."""
    from mcp_server.world.rehearsals import find
    from mcp_server.world.seal import read_key

    try:
        key = read_key(workspace.cache)
        record = find(workspace.settings.root, stretch.last, key) if len(stretch.revisions) == 1 else None
    except ConfigError:  # this review writes it anew
        return stretch
    if record is None or not record.is_ours or not record.origin or record.parents != stretch.after:
        return stretch
    return replace(stretch, origin=record.origin)


def _stretches(history: History, revision: str) -> tuple[Stretch, ...]:
    """What a word stands for. Raises MigrationError for one that no revision has."""
    from mcp_server.operations.walking import Stretch
    from mcp_server.world.migrations import resolve

    if ":" in revision:
        first, _, last = (part.strip() for part in revision.partition(":"))
        start, end = resolve(history, first or "base"), resolve(history, last or "head")
        before = {one.id for one in history.ancestors(*start)} if start else set()
        inside = tuple(one for one in history.ancestors(*end) if one.id not in before)
        if not inside or not end:
            raise NotFound(f"{revision} holds no revision.", "Give the older revision first, as base:head.")
        return (Stretch(revision, start, end[0], inside),)
    names = history.heads if revision in ("head", "heads") else resolve(history, revision)
    found = [one for name in names if (one := history.get(name))]
    return tuple(Stretch(_titled(one.id, one.message), one.parents + one.depends_on, one.id, (one,)) for one in found)


def _titled(revision: str, message: str) -> str:
    first = message.strip().partition("\n")[0]
    return f"revision {revision} ({first})" if first else f"revision {revision}"


async def _reviewed(
    subject: str,
    migrations: tuple[Migration, ...],
    found: tuple[Finding, ...],
    ground: str,
    notes: tuple[str, ...],
) -> Review:
    from mcp_server.model.finding import Report
    from mcp_server.model.review import Review
    from mcp_server.operations.second_opinion import second_opinions
    from mcp_server.rules import judge

    told = [*found, *judge(*migrations).findings]
    for migration in migrations:
        others, was_asked = await second_opinions(migration, told)
        told += others
        if not was_asked:
            notes = (*notes, "squawk is not installed or did not answer: there is no second opinion.")
    return Review(subject, Report.of(told), migrations, ground, tuple(dict.fromkeys(notes)))


async def _sizes(workspace: Workspace) -> tuple[Sizes, tuple[str, ...]]:
    """Rows by relation, and what to say where they are not known."""
    from mcp_server.operations.sizes import read_sizes

    sizes, unknown = await read_sizes(workspace)
    return sizes, (f"Sizes: {unknown}.",) if unknown else ()
