"""design_models: a spec -> SQLModel classes, the module of the database, an ER diagram; proven before they are offered."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ConfigError, NotFound, Refused
from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.model.design import Design, Flavour
    from mcp_server.model.designed import DesignedFile, DesignReport
    from mcp_server.model.schema import Schema
    from mcp_server.model.spec_table import Spec
    from mcp_server.planning.design_settle import Settled
    from mcp_server.world.interpreter import Interpreter
    from mcp_server.world.workspace import Workspace

OLDEST = (0, 0, 21)
FOLDERS = ("backend/app", "backend/src", "app", "src")
PAGE = "docs/database-design.md"
OPEN = ("P201", "P202")  # no key, a key to nothing: these are decided and listed


async def design_models(
    workspace: Workspace,
    spec: str = "",
    out: str = "",
    write: bool = False,
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Make SQLModel classes of the spec, right for the project's versions, with db.py, .env.example, an ER diagram and why each index is there.

    What the spec leaves open is decided and listed; at most three questions come back, to be answered in the spec. Before
    anything is offered, the modules are imported by the project's interpreter, made real in an empty Postgres, compared with
    the spec and judged by the rules. Tables that others own (Better Auth) are referred to and never made. No file that is
    there is overwritten: the difference is shown. Nothing is written while the spec contradicts itself.

    spec: a document or a folder, relative to the project; all documents of the specs folder when not given. out: the folder of
    models.py and db.py, relative to the project; when not given the first of backend/app, backend/src, app, src that is there.
    write: make the files that are not there, all of them or none. format: text or json.
    """
    report = await designed(workspace, spec.removeprefix("spec:").strip(), out.strip())
    if write:
        _refuse(report)
        report = await asyncio.to_thread(_written, workspace, report)
    return _answer(report)


async def designed(workspace: Workspace, name: str = "", out: str = "") -> DesignReport:
    """What is designed from a spec, and what was proven of it; nothing is written. Raises as design_models()."""
    from mcp_server.model.designed import DesignReport
    from mcp_server.operations.design_proof import prove
    from mcp_server.planning.design import design
    from mcp_server.planning.design_settle import settle
    from mcp_server.rules import judge
    from mcp_server.world.interpreter import find_interpreter
    from mcp_server.world.sources import load_spec, materialise_spec
    from mcp_server.world.spec_ddl import makings, refused
    from mcp_server.world.templates import read_template

    settings = workspace.settings
    folder = _folder(settings.root, out)
    interpreter = await asyncio.to_thread(find_interpreter, settings)
    flavour = await _flavour(interpreter)
    stated = await load_spec(workspace, name)
    settled = settle(stated, settings.external)
    _refuse_nothing(settled, name or settings.specs)
    workspace.progress("making the spec real", 0.2)
    schema = await read_template(workspace, await materialise_spec(workspace, settled.spec))
    made = design(settled, schema)
    source = f"spec:{name}" if name else "spec"
    files = _texts(made, schema, flavour, folder, source, (settings.root / folder).is_dir())
    workspace.progress("importing and comparing", 0.5)
    left_out = tuple(f"{one.sql} ({one.place})" for one in refused(makings(settled.spec), schema))
    proof = await prove(workspace, made, source, files, folder, interpreter, left_out)
    found = judge(stated).findings
    return DesignReport(
        source=source,
        design=made,
        proof=proof,
        files=await asyncio.to_thread(_standing, settings.root, files),
        contradictions=tuple(one for one in found if one.severity != "info" and one.code not in OPEN),
        modelled=await asyncio.to_thread(_modelled, settings.root, [one.table for one in made.classes], folder),
        external=tuple(one.table for one in made.stubs if one.table not in settings.external),
        versions=_versions(flavour, interpreter),
        notes=_notes(flavour, stated),
    )


async def _flavour(interpreter: Interpreter) -> Flavour:
    """What the project's interpreter has. Raises ConfigError when its SQLModel cannot say what is designed."""
    from mcp_server.world.flavour import read_flavour

    flavour = await asyncio.to_thread(read_flavour, interpreter)
    if flavour.sqlmodel < OLDEST:
        has = ".".join(map(str, flavour.sqlmodel)) or "none"
        raise ConfigError(
            f"{interpreter} has SQLModel {has}; the models need 0.0.21 or newer (ondelete, cascade_delete).",
            'Install it there, or name another interpreter: [tool.dbarch] python = "path/to/.venv".',
        )
    return flavour


def _refuse_nothing(settled: Settled, name: str) -> None:
    if any(one.columns and not one.external for one in settled.spec.tables):
        return
    left = "; ".join(f"{one.table}: {one.taken}" for one in settled.left_out[:5])
    raise NotFound(
        f"{name} states no table that is ours" + (f" ({left})." if left else ": others own all of them."),
        "State a table with its columns, or name another document.",
    )


def _folder(root: Path, out: str) -> str:
    """The folder of the modules, relative to the root. Raises Refused for one that leads out of the project."""
    if not out:
        found = next((name for name in FOLDERS if (root / name).is_dir()), "")
        return found or ("backend/app" if (root / "backend").is_dir() else "app")
    path = (root / out).resolve()
    if not path.is_relative_to(root.resolve()) or Path(out).is_absolute():
        raise Refused(f"out={out} leads out of the project.", "Give a folder relative to the project's root.")
    if path.suffix or path.is_file():
        raise ConfigError(
            f"out={out} is a file; models.py and db.py go into a folder.", f"Give {Path(out).parent.as_posix()}."
        )
    return path.relative_to(root.resolve()).as_posix()


def _texts(made: Design, schema: Schema, flavour: Flavour, folder: str, source: str, exists: bool) -> dict[str, str]:
    """Every file by its path. exists: whether the folder is there; a new one becomes a package."""
    from mcp_server.model.facts import gather
    from mcp_server.model.schema import Table
    from mcp_server.render.database_module import render_database, render_environment_example
    from mcp_server.render.design_page import render_page
    from mcp_server.render.mermaid import render
    from mcp_server.render.sqlmodel import render_models

    drawn = {one.table for one in made.classes} | {one.table for one in made.stubs}
    tables = [one for one in schema.all(Table) if one.name in drawn]
    example = f"{folder.split('/')[0]}/.env.example" if folder.startswith("backend/") else ".env.example"
    package = {} if exists or folder.endswith("src") else {f"{folder}/__init__.py": '"""The application."""\n'}
    return {
        **package,
        f"{folder}/models.py": render_models(made, flavour),
        f"{folder}/db.py": render_database(flavour),
        example: render_environment_example(),
        PAGE: render_page(made, render(gather(schema), tables).text, source),
    }


def _standing(root: Path, files: dict[str, str]) -> tuple[DesignedFile, ...]:
    from mcp_server.model.designed import DesignedFile
    from mcp_server.world.new_files import standing_of

    return tuple(DesignedFile(one.path, files[one.path], one.state, one.diff) for one in standing_of(root, files))


def _modelled(root: Path, tables: list[str], folder: str) -> tuple[str, ...]:
    """Where the project has classes for these tables already, other than in the module that is offered."""
    from mcp_server.world.code import read_code

    found = []
    for one in read_code(root).classes:
        stated = one.field("__tablename__")
        table = stated.value.strip("'\"") if stated else one.name.lower()
        if one.is_table and table in tables and one.span.file != f"{folder}/models.py":
            found.append(f"{one.span}: {one.name} is `{table}`")
    return tuple(found)


def _versions(flavour: Flavour, interpreter: Interpreter) -> str:
    def dotted(numbers: tuple[int, ...]) -> str:
        return ".".join(map(str, numbers))

    return (
        f"SQLModel {dotted(flavour.sqlmodel)}, SQLAlchemy {dotted(flavour.sqlalchemy)}, Python {dotted(flavour.python)}"
        f" ({interpreter.origin})"
    )


def _notes(flavour: Flavour, stated: Spec) -> tuple[str, ...]:
    from mcp_server.model.review import counted

    found = (
        []
        if flavour.driver
        else ["db.py needs asyncpg, which that interpreter does not have: add it to the requirements."]
    )
    if stated.unread:
        first = stated.unread[0]
        found.append(
            f"Not understood in the spec: {counted(len(stated.unread), 'line')}, the first at {first.place}: expected {first.expected}."
        )
    return tuple(found)


def _refuse(report: DesignReport) -> None:
    """What keeps the files from being written."""
    from mcp_server.render.design_text import next_step

    errors = [one for one in report.contradictions if one.severity == "error"]
    if errors:
        raise Refused(
            f"Nothing was written: the spec contradicts itself in {len(errors)} places, the first: {errors[0].message} ({errors[0].evidence or errors[0].place})",
            f"To go on, {next_step(report)}",
        )
    if report.modelled:
        raise Refused(
            f"Nothing was written: the project has {len(report.modelled)} of these tables already, the first at {report.modelled[0]}. "
            "A second class for a table cannot be imported beside it.",
            f"To go on, {next_step(report)}",
        )
    if report.proof.against or report.proof.faults:
        raise Refused(
            f"Nothing was written: {report.proven}.",
            "Read the report without write; what it names is a fault of dbarch or of the spec.",
        )


def _written(workspace: Workspace, report: DesignReport) -> DesignReport:
    from mcp_server.world.new_files import write_new

    new = {one.path: one.text for one in report.files if one.state == "new"}
    return replace(report, written=write_new(workspace.settings.root, new, workspace.ledger) if new else ())


def _answer(report: DesignReport) -> Answer:
    from mcp_server.model.designed import design_data
    from mcp_server.render.design_text import is_long, render_design
    from mcp_server.world.runs import address, new_run

    reports = {f"design-{new_run()}": render_design(report)} if is_long(report) else {}
    where = address(next(iter(reports))) if reports else ""
    return Answer(
        text=render_design(report, where),
        data={**design_data(report), "report": where},
        verdict=report.verdict,
        findings=report.grave,
        reports=reports,
        carried_out={"files": len(report.written)} if report.written else {},
    )
