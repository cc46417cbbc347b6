"""autogenerate_migration: the models, or another source, become a rehearsed Alembic revision."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.migration import Draft, Written
from mcp_server.world.runs import address, new_run

if TYPE_CHECKING:
    from mcp_server.model.schema import Schema
    from mcp_server.operations.drafting import Start
    from mcp_server.operations.project import Project
    from mcp_server.world.rehearsal import Rehearsal
    from mcp_server.world.workspace import Workspace

LONGEST_MESSAGE = 200


async def autogenerate_migration(
    workspace: Workspace,
    message: str,
    before: str = "migrations",
    after: str = "models",
    renames: dict[str, str] | None = None,
    write: bool = True,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Write the Alembic revision that leads the database from its migrations to the models, once a rehearsal passed.

    The project's own Alembic and env.py walk the revision up, down and up again on a throw-away Postgres; only what
    ends exactly where it should is written. What models cannot state (functions, triggers, views, policies, grants) is
    kept. A project without Alembic gets a correct environment. No database of the project is touched.

    message: what the revision is about, one line. before: the source it starts from, the migrations' head when not
    given. after: the source it leads to: models, live, file:<path.sql>. renames: {old: new} for what keeps its rows
    under a new name, as {"task": "todo", "task.title": "name"}; a rename that is not told is a drop and an add and
    loses the data. write: false shows what would be written and writes nothing. format: text, or json with every
    statement.
    """
    words = " ".join(message.split())
    if not words or len(words) > LONGEST_MESSAGE:
        raise Refused(f"The message must say in 1 to {LONGEST_MESSAGE} characters what the revision is about.")
    from mcp_server.operations.drafting import draft, read_start
    from mcp_server.operations.judgement import faults
    from mcp_server.operations.project import open_project
    from mcp_server.operations.rehearsed import Part, record_written, statements_of
    from mcp_server.world.revision_files import staging

    await workspace.prefer_live_version()
    with staging(workspace.cache) as folder:
        project = await open_project(workspace, folder / "project", with_models=after == "models")
        head = project.head
        start = await read_start(project.workspace, before, project.history)
        goal = await _read_goal(workspace, project, after)
        drafted = await draft(workspace, start, goal, after, renames)
        if drafted.is_empty:
            return _agreement(drafted)
        revision = _write_draft(project, drafted, words, head, folder / "revision")
        rehearsal = await _rehearse(project, start, drafted, revision)
        found = await faults(workspace, rehearsal, drafted, project.history.version_table_identity)
        if found:
            return _rejected(drafted, revision, found)
        answer = _passed(project, drafted, revision, rehearsal, write)
        if write:
            part = Part(revision.id, revision.path, statements_of(drafted.plan.upgrade))
            await record_written(project, head, (part,), rehearsal, drafted.plan.hash)
        return answer


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision that is tried out. folder: it lies there alone. path: where it will be."""

    id: str
    parent: str
    text: str
    folder: Path
    path: Path


async def _read_goal(workspace: Workspace, project: Project, word: str) -> Schema:
    from mcp_server.world.rehearsal import copy_of
    from mcp_server.world.sources import materialise_models, read_source

    if project.models is None or word != "models":
        return await read_source(workspace, word)
    async with copy_of(workspace, await materialise_models(workspace, project.models)) as copy:
        return await copy.read()


def _write_draft(project: Project, drafted: Draft, message: str, parent: str, folder: Path) -> Revision:
    """The revision's text, in a folder of its own."""
    from mcp_server.render.alembic import render
    from mcp_server.render.migration_text import render_notes
    from mcp_server.world.revision_files import file_name, new_revision, stage, versions_folder, written_at

    history = project.history
    name, at = new_revision(history), written_at(history)
    text = render(
        drafted.plan,
        revision=name,
        down_revision=parent or None,
        message=message,
        created=at,
        sqlalchemy=project.sqlalchemy,
        known=(drafted.before, drafted.after),
        notes=render_notes(drafted),
    )
    versions = (
        versions_folder(history, parent, project.workspace.settings.root) if not project.files else project.versions
    )
    path = versions / file_name(history, name, message, at)
    stage(folder, {path.name: text})
    return Revision(name, parent, text, folder, path)


async def _rehearse(project: Project, start: Start, drafted: Draft, revision: Revision) -> Rehearsal:
    from mcp_server.world.rehearsal import Course, rehearse

    course = Course(
        revision.id, revision.parent, revision.folder, start.template, stamped=start.stamped, prepare=drafted.stand_ins
    )
    return await rehearse(project.workspace, course)


def _agreement(drafted: Draft) -> Answer:
    from mcp_server.render.migration_data import migration_data
    from mcp_server.render.migration_text import render_agreement

    return Answer(
        render_agreement(drafted), migration_data(drafted, "no changes"), f"{drafted.goal} and {drafted.source} agree"
    )


def _rejected(drafted: Draft, revision: Revision, found: tuple[str, ...]) -> Answer:
    from mcp_server.render.migration_data import migration_data
    from mcp_server.render.migration_text import render_rejected

    run = f"rejected-{new_run()}"
    report = "\n".join([*(f"# {line}" for fault in found for line in fault.splitlines()), "", revision.text])
    return Answer(
        text=render_rejected(drafted, found, address(run)),
        data={**migration_data(drafted, "rejected", problems=found), "report": address(run)},
        verdict=f"rejected by the rehearsal, nothing written: {found[0]}",
        findings=len(found),
        reports={run: report},
    )


def _passed(project: Project, drafted: Draft, revision: Revision, rehearsal: Rehearsal, write: bool) -> Answer:
    from mcp_server.render.migration_data import migration_data
    from mcp_server.render.migration_text import render_written
    from mcp_server.world.revision_files import place, relative

    root = project.workspace.settings.root
    files = {**project.files, revision.path: revision.text}
    fresh = tuple(path for path in files if not path.exists())
    paths = place(root, files, project.history, project.workspace.ledger) if write else fresh
    written = Written(
        revision=revision.id,
        parent=revision.parent,
        files=tuple(relative(path, root) for path in paths),
        text=revision.text,
        is_written=write,
        server_version=rehearsal.server_version,
        statements=rehearsal.statements,
        milliseconds=rehearsal.milliseconds,
    )
    run = f"revision-{new_run()}"
    reports = {} if write else {run: revision.text}
    done = "wrote" if write else "would write"
    return Answer(
        text=render_written(drafted, written, _next_step(project, write), address(run) if reports else ""),
        data={
            **migration_data(drafted, "written" if write else "rehearsed", written),
            "report": address(run) if reports else "",
        },
        verdict=f"{done} {written.files[-1]}, rehearsed up, down, up",
        reports=reports,
        carried_out={"statements": rehearsal.statements},
    )


def _next_step(project: Project, write: bool) -> str:
    from mcp_server.world.revision_files import relative

    if not write:
        return "call it again with write=true (shell: without --dry-run)."
    folder = relative(project.run_in, project.workspace.settings.root)
    section = project.history.config.partition("#")[2]
    command = f"`alembic {f'-n {section} ' if section else ''}upgrade head`"
    return (
        f"read the file, then {command}{f' in {folder}/' if folder != '.' else ''} on a database with DATABASE_URL set."
    )
