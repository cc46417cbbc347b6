"""autogenerate_migration: the models, or another source, become a rehearsed Alembic revision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.migration import Draft, Written, WrittenPhase
from mcp_server.operations.next_step import agreement, next_step
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from mcp_server.model.phase import Phase
    from mcp_server.model.schema import Schema
    from mcp_server.operations.drafting import Start
    from mcp_server.operations.project import Project
    from mcp_server.world.rehearsal import Rehearsal
    from mcp_server.world.workspace import Workspace

    Between = tuple[Schema, ...] | None

LONGEST_MESSAGE = 200


async def autogenerate_migration(
    workspace: Workspace,
    message: str,
    before: str = "migrations",
    after: str = "models",
    renames: dict[str, str] | None = None,
    write: bool = True,
    format: Literal["text", "json"] = "text",
    confirm: tuple[str, ...] = (),
    on: str = "",
) -> Answer:
    """Write the Alembic revisions that lead the database from its migrations to the models, once a rehearsal passed.

    What would stop readers or writers of a table in use is taken apart into phases, a revision each, with what to
    deploy between them. The project's own Alembic and env.py walk them up, down and up again on a throw-away Postgres;
    only what ends exactly where it should is written. What models cannot state (functions, triggers, views, policies,
    grants) and what env.py leaves out is left alone. A project without Alembic gets a correct environment. The project's
    database is only asked for the sizes of its tables.

    message: what the revision is about, one line. before: the source it starts from, the migrations' head when not
    given. after: the source it leads to: models, live, file:<path.sql>. renames: {old: new} for what keeps its rows
    under a new name, as {"task": "todo", "task.title": "name"}; a rename that is not told
    loses the data. write: false shows what would be written and writes nothing. format: text, or json with every
    statement. confirm: names of what to drop from live although neither history nor goal knows it; all else stays. on: branch
    rehearses also on a fresh Neon branch of live with its rows, removed afterwards; branch:<name> on one that dbarch made.
    """
    words = " ".join(message.split())
    if not words or len(words) > LONGEST_MESSAGE:
        raise Refused(f"The message must say in 1 to {LONGEST_MESSAGE} characters what the revision is about.")
    return await generate(workspace, Wanted(words, before, after, renames, confirm, on=on.strip()), write)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A migration that is asked for. words: its message. before, after, renames, confirm: see autogenerate_migration().

    additions: statements that make the goal of the start, in the place of a source; `after` then only names it.
    on: the branch to rehearse on too, "" for none.
    """

    words: str
    before: str = "migrations"
    after: str = "models"
    renames: dict[str, str] | None = None
    confirm: tuple[str, ...] = ()
    additions: tuple[str, ...] = ()
    on: str = ""


async def generate(workspace: Workspace, wanted: Wanted, write: bool) -> Answer:
    """Draft, rehearse and, if it is to be written, write what is asked for."""
    from mcp_server.operations.branch_walk import check_ground, walk_drafted
    from mcp_server.operations.drafting import begin_of, draft
    from mcp_server.operations.ends import read_ends
    from mcp_server.operations.project import open_project
    from mcp_server.operations.rehearsed import read_between
    from mcp_server.operations.sizes import read_sizes
    from mcp_server.render.branch_text import failed_there, render_branch_walk, with_walk
    from mcp_server.world.revision_files import staging

    check_ground(workspace, wanted.on)
    await workspace.prefer_live_version()
    with staging(workspace.cache) as folder:
        project = await open_project(workspace, folder / "project", with_models=wanted.after == "models")
        ends = await read_ends(workspace, project, wanted.before, wanted.after, wanted.additions)
        start = ends.start
        sizes, unknown = await read_sizes(workspace)
        filled = project.models.filled if project.models else frozenset()
        drafted = await draft(
            workspace, start, ends.goal, wanted.after, wanted.renames, sizes, wanted.confirm, filled, ends.left_out
        )
        if drafted.is_empty:
            return agreement(drafted)
        tried = await _try(project, start, drafted, wanted.words, folder / "phases")
        plain = await _try_plainly(project, start, drafted, wanted.words, folder / "plain") if tried.found else None
        if tried.found and (plain is None or plain.found):
            return _rejected(drafted, tried)
        passed, plainly = (plain, tried.found[0]) if plain else (tried, "")
        on_branch = await walk_drafted(project, passed, wanted.on)
        if on_branch is not None and on_branch.failed is not None:
            return _rejected(drafted, replace(passed, found=(failed_there(on_branch),)), render_branch_walk(on_branch))
        between = None
        if write and not start.stamped:
            begun, inner = begin_of(start, passed.draft, passed.parent), passed.revisions[:-1]
            between = await read_between(project.workspace, begun, [one.id for one in inner], passed.folder)
        answer = _passed(project, passed.draft, passed, write, unknown, plainly)
        answer = with_walk(answer, on_branch) if on_branch is not None else answer
        return await _recorded(project, passed, between, answer, wanted.words) if write else answer


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision that is tried out. path: where it will be."""

    id: str
    text: str
    path: Path
    phase: Phase


@dataclass(frozen=True, slots=True)
class Tried:
    """Revisions and their rehearsal. parent: what the first follows. found: what went wrong. folder: of the files."""

    draft: Draft
    revisions: tuple[Revision, ...]
    parent: str
    rehearsal: Rehearsal
    found: tuple[str, ...]
    folder: Path


async def _try(project: Project, start: Start, drafted: Draft, message: str, folder: Path) -> Tried:
    """Write the revisions of a draft into a folder of their own, and walk them."""
    from mcp_server.operations.judgement import faults

    revisions = _write_draft(project, drafted, message, head := project.head, folder)
    rehearsal = await _rehearse(project, start, drafted, revisions, head, folder)
    found = await faults(project.workspace, rehearsal, drafted, project.history.version_table_identity)
    return Tried(drafted, revisions, head, rehearsal, found, folder)


async def _try_plainly(project: Project, start: Start, drafted: Draft, message: str, folder: Path) -> Tried | None:
    """The plan in one revision of plain statements, where its phases did not pass; None when they are just that."""
    from mcp_server.model.phase import Phase

    steps = tuple(step.sql for one in drafted.phases for step in one.upgrade)
    if steps == tuple(step.sql for step in drafted.plan.upgrade):
        return None
    told = "its phases did not pass the rehearsal, and its plain statements may stop reads and writes while tables are read"
    plain = Phase("expand", drafted.plan.upgrade, drafted.plan.downgrade, downtime=(told,))
    return await _try(project, start, replace(drafted, phases=(plain,)), message, folder)


def _write_draft(project: Project, drafted: Draft, message: str, parent: str, folder: Path) -> tuple[Revision, ...]:
    """The text of each phase's revision, in a folder of their own."""
    from mcp_server.model.phase import Phase
    from mcp_server.render.alembic import render
    from mcp_server.render.migration_text import render_notes
    from mcp_server.render.phase_text import Place
    from mcp_server.world.revision_files import file_name, new_revision, stage, versions_folder, written_at

    history, at = project.history, written_at(project.history)
    root = project.workspace.settings.root
    versions = versions_folder(history, parent, root) if not project.files else project.versions
    listed = drafted.phases or (Phase("expand", (), ()),)
    found: list[Revision] = []
    for number, phase in enumerate(listed, 1):
        name, created = new_revision(history), at + timedelta(seconds=number - 1)
        text = render(
            drafted.plan,
            revision=name,
            down_revision=(found[-1].id if found else parent) or None,
            message=message,
            created=created,
            sqlalchemy=project.sqlalchemy,
            known=(drafted.before, drafted.after),
            notes=render_notes(drafted) if number == 1 else (),
            phase=phase,
            place=Place(number, len(listed)),
        )
        which = f"{number} {phase.name}" if len(listed) > 1 else ""
        found.append(Revision(name, text, versions / file_name(history, name, message, created, which), phase))
    stage(folder, {one.path.name: one.text for one in found})
    return tuple(found)


async def _rehearse(
    project: Project, start: Start, drafted: Draft, revisions: tuple[Revision, ...], head: str, folder: Path
) -> Rehearsal:
    from mcp_server.model.change import Altered, Renamed
    from mcp_server.model.schema import group_of
    from mcp_server.world.rehearsal import Course, rehearse

    changes = [step.change for step in drafted.plan.upgrade]
    course = Course(
        revision=revisions[-1].id,
        parent=head,
        folder=folder,
        template=start.template,
        stamped=start.stamped,
        foreign=start.is_foreign and drafted.is_owners,
        prepare=drafted.stand_ins,
        revisions=tuple(one.id for one in revisions),
        renames={one.before.identity: one.item.identity for one in changes if isinstance(one, Renamed)},
        tables=frozenset(group_of(one.before if isinstance(one, Altered | Renamed) else one.item) for one in changes),
    )
    return await rehearse(project.workspace, course)


def _rejected(drafted: Draft, tried: Tried, told: list[str] | None = None) -> Answer:
    from mcp_server.render.migration_data import migration_data
    from mcp_server.render.migration_text import render_rejected

    run, found = f"rejected-{new_run()}", tried.found
    report = "\n".join([*(f"# {line}" for fault in found for line in fault.splitlines()), "", _whole(tried)])
    return Answer(
        text="\n".join((render_rejected(drafted, found, address(run)), *(told or ()))),
        data={**migration_data(drafted, "rejected", problems=found), "report": address(run)},
        verdict=f"rejected by the rehearsal, nothing written: {found[0]}",
        findings=len(found),
        reports={run: report},
    )


def _whole(tried: Tried) -> str:
    """The text of all revisions."""
    return "\n\n".join(one.text for one in tried.revisions)


def _passed(project: Project, drafted: Draft, tried: Tried, write: bool, unknown: str, plainly: str = "") -> Answer:
    from mcp_server.render.migration_data import migration_data
    from mcp_server.render.migration_text import render_written
    from mcp_server.world.revision_files import place

    root = project.workspace.settings.root
    files = {**project.files, **{one.path: one.text for one in tried.revisions}}
    fresh = tuple(path for path in files if not path.exists())
    count = len(tried.revisions)
    paths = place(root, files, project.history, project.workspace.ledger, count) if write else fresh
    written = _written(project, tried, paths, write, plainly)
    run = f"revision-{new_run()}"
    reports = {} if write else {run: written.text}
    done, more = "wrote" if write else "would write", f" and {count - 1} before it" if count > 1 else ""
    report = address(run) if reports else ""
    return Answer(
        text=render_written(drafted, written, next_step(project, tried, write), report, unknown),
        data={**migration_data(drafted, "written" if write else "rehearsed", written), "report": report},
        verdict=f"{done} {written.files[-1]}{more}, rehearsed up, down, up",
        reports=reports,
        carried_out={"statements": tried.rehearsal.statements},
    )


async def _recorded(project: Project, tried: Tried, between: Between, answer: Answer, words: str) -> Answer:
    """Keep what was rehearsed, so that apply_migration may run it, and end the answer. between: see record_written()."""
    from mcp_server.model.phase import is_transactional
    from mcp_server.operations.rehearsed import Part, record_written, statements_of
    from mcp_server.operations.suggesting import with_suggestion

    parts = tuple(
        Part(one.id, one.path, statements_of(one.phase.upgrade), repeatable=not is_transactional(one.phase.upgrade))
        for one in tried.revisions
    )
    await record_written(project, tried.parent, parts, tried.rehearsal, tried.draft.plan.hash, between)
    return with_suggestion(answer, project.workspace.ledger, tried.draft, words)


def _written(project: Project, tried: Tried, paths: tuple[Path, ...], write: bool, plainly: str) -> Written:
    from mcp_server.world.revision_files import relative

    root = project.workspace.settings.root
    phases = tuple(WrittenPhase(one.id, relative(one.path, root), one.phase) for one in tried.revisions)
    apart = project.files or dict(project.history.options).get("transaction_per_migration")
    return Written(
        revision=tried.revisions[-1].id,
        parent=tried.parent,
        files=tuple(relative(path, root) for path in paths),
        text=_whole(tried),
        is_written=write,
        server_version=tried.rehearsal.server_version,
        statements=tried.rehearsal.statements,
        milliseconds=tried.rehearsal.milliseconds,
        phases=phases,
        together=not apart,
        plainly=plainly,
        rows=tried.rehearsal.rows,
        data_fault=tried.rehearsal.data_fault,
    )
