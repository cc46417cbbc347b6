"""docs: a schema as pages that a team keeps beside its code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcp_server.errors import ArchitectError, ConfigError, ModelsMissing
from mcp_server.model.answer import Answer
from mcp_server.model.documented import Declared
from mcp_server.model.names import split
from mcp_server.model.review import counted

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_server.model.documented import Documentation
    from mcp_server.model.mark import Marks
    from mcp_server.model.orm import Models
    from mcp_server.model.schema import Schema
    from mcp_server.model.spec_table import Spec
    from mcp_server.world.generated import Standing
    from mcp_server.world.workspace import Workspace

SHOWN = 12
HTML = "index.html"


async def docs(workspace: Workspace, source: str = "", out: str = "docs/database", check: bool = False) -> Answer:
    """Write the database's documentation into a folder: Markdown with diagrams, and one HTML page with search.

    README.md has the diagram and the list of tables, tables/ a page for each table, indexes.md why each index is there,
    decisions.md the records under history/adr, and index.html all of it in one page that needs no network. Files that dbarch
    did not write, or that were changed since, are never overwritten.

    source: models, migrations, live, spec or file:<path.sql>; without it models, else migrations, else live. out: the folder,
    within the project. check: write nothing, and exit with 1 when the files are not what they would be now (for CI).
    """
    from mcp_server.world.generated import look, place_in, write_all

    folder = await asyncio.to_thread(place_in, workspace.settings.root, out)
    told, notes = await _told(workspace, source)
    workspace.progress(f"writing {len(told.relations)} pages", 0.8)
    wanted = await asyncio.to_thread(_files, workspace, told, folder)
    standing = await asyncio.to_thread(look, folder, wanted)
    where = folder.relative_to(workspace.settings.root.resolve()).as_posix()
    if check:
        return _checked(standing, where, source, notes)
    await asyncio.to_thread(write_all, folder, wanted, standing)
    return _written(told, standing, where, notes)


def _files(workspace: Workspace, told: Documentation, folder: Path) -> dict[str, str]:
    """Text by name within the folder, without secrets and with its mark."""
    from mcp_server.render.documentation_page import documentation_page
    from mcp_server.render.pages import pages
    from mcp_server.world.generated import marked

    inside = folder.relative_to(workspace.settings.root.resolve()).as_posix()
    texts = {**pages(told, inside), HTML: documentation_page(told, inside)}
    return {name: marked(workspace.redactor.redact(text), told.source) for name, text in texts.items()}


async def _told(workspace: Workspace, source: str) -> tuple[Documentation, tuple[str, ...]]:
    """What is to be written, and what a reader should know of how it was read."""
    from mcp_server.model.facts import gather
    from mcp_server.render.documentation import document
    from mcp_server.world.decisions import read_decisions
    from mcp_server.world.external import without_external

    workspace.progress("reading models and spec")
    models, spec = await asyncio.gather(_models(workspace), _spec(workspace))
    word = source or _first(workspace, models)
    schema = without_external(await _schema(workspace, word, models), workspace.settings.external)
    known = models if not isinstance(models, ArchitectError) else None
    stated = spec if not isinstance(spec, ArchitectError | None) else None
    marks = await _marks(workspace) if word.partition(":")[0] == "migrations" else None
    declared = _declared(schema, known, stated, marks)
    decisions = await asyncio.to_thread(read_decisions, workspace.settings.root)
    notes = tuple(_unread(name, one) for name, one in (("models", models), ("spec", spec)) if _is_broken(one))
    purposes = _purposes(schema, stated) if stated else {}
    return document(gather(schema), word, declared, _doubts(schema), decisions, purposes), notes


def _is_broken(one: object) -> bool:
    return isinstance(one, ArchitectError) and not isinstance(one, ModelsMissing)


def _unread(name: str, error: object) -> str:
    return f"The {name} could not be read, so no page says where they state its table: {' '.join(str(error).split())[:300]}"


async def _models(workspace: Workspace) -> Models | ArchitectError:
    """The models, or why there are none."""
    from mcp_server.world.known_models import read_known_models

    sandboxes = await workspace.sandboxes()
    await sandboxes.start()
    try:
        return await read_known_models(workspace, sandboxes.server_version)
    except ArchitectError as error:
        return error


async def _spec(workspace: Workspace) -> Spec | ArchitectError | None:
    """The spec, why it cannot be read, or None when there is none."""
    from mcp_server.world.sources import load_spec
    from mcp_server.world.specs import find_documents

    settings = workspace.settings
    if not await asyncio.to_thread(find_documents, settings.root, settings.specs):
        return None
    try:
        return await load_spec(workspace)
    except ArchitectError as error:
        return error


def _first(workspace: Workspace, models: Models | ArchitectError) -> str:
    """The source that is taken when none is named. Models that cannot be read are an error, and no reason to take others."""
    from mcp_server.world.alembic_config import find_config

    if not isinstance(models, ArchitectError):
        return "models"
    if not isinstance(models, ModelsMissing):
        raise models
    if find_config(workspace.settings, ambiguous_is_none=True):
        return "migrations"
    if workspace.settings.database_url:
        return "live"
    raise ConfigError(
        "The project has no models, no Alembic history and no database to document.",
        "Name a source: --source spec, or --source file:schema.sql.",
    )


async def _schema(workspace: Workspace, word: str, models: Models | ArchitectError) -> Schema:
    from mcp_server.world.sources import materialise_models, read_source
    from mcp_server.world.templates import read_template

    workspace.progress(f"reading {word}", 0.3)
    if word != "models":
        return await read_source(workspace, word)
    if isinstance(models, ArchitectError):
        raise models
    return await read_template(workspace, await materialise_models(workspace, models))


async def _marks(workspace: Workspace) -> Marks:
    """Where the history makes each table."""
    from mcp_server.world.migrations import find_history
    from mcp_server.world.revision_marks import read_marks

    history = await find_history(workspace)
    return await asyncio.to_thread(read_marks, workspace.settings.root, history.revisions)


def _purposes(schema: Schema, spec: Spec) -> dict[str, str]:
    """What the spec says an index is for, by the identity of the index with the same keys."""
    from mcp_server.model.schema import Index
    from mcp_server.model.spec import alike
    from mcp_server.model.spec_table import name_in_sql

    said = {
        (alike(name_in_sql(table, spec)), tuple(name.lower() for name in one.columns)): one.purpose
        for table in spec.tables
        for one in table.indexes
        if one.purpose
    }
    keys = {one.identity: (alike(split(one.table)[-1]), one.columns) for one in schema.all(Index)}
    return {identity: said[key] for identity, key in keys.items() if key in said}


def _declared(
    schema: Schema, models: Models | None, spec: Spec | None, marks: Marks | None
) -> dict[str, tuple[Declared, ...]]:
    """Where models, spec and revisions state each table."""
    from mcp_server.model.schema import Table
    from mcp_server.model.spec import alike
    from mcp_server.model.spec_table import name_in_sql

    stated = {alike(name_in_sql(one, spec)): one for one in spec.tables if one.columns} if spec else {}
    classes = {one.identity: one.name for one in models.classes} if models else {}
    found: dict[str, tuple[Declared, ...]] = {}
    for table in schema.all(Table):
        place = models.place_of(table.identity) if models else None
        listed = [Declared("models", classes.get(table.identity, table.name), place)] if place and place.file else []
        told = stated.get(alike(table.name))
        listed += [Declared("spec", told.name, told.place)] if told else []
        made = marks.of(table.name if table.schema == "public" else f"{table.schema}.{table.name}") if marks else None
        listed += [Declared("migrations", made.revision, made.place)] if made else []
        found[table.identity] = tuple(listed)
    return found


def _doubts(schema: Schema) -> dict[str, str]:
    """What the rules say against an index, by its identity."""
    from mcp_server.model.schema import Index
    from mcp_server.rules import judge

    found = judge(schema).findings
    return {one.subject: f"{one.code}: {one.message}" for one in found if schema.get(Index, one.subject) is not None}


def _checked(standing: Standing, where: str, source: str, notes: tuple[str, ...]) -> Answer:
    again = (
        f"dbarch docs{f' --source {source}' if source else ''}{f' --out {where}' if where != 'docs/database' else ''}"
    )
    every = len(standing.fresh) + len(standing.stale) - len(standing.left)
    if not standing.stale:
        verdict = f"{where} is fresh: {counted(every, 'file')}."
        return Answer(_with_notes(verdict, notes), {"fresh": True, "stale": []}, verdict)
    verdict = f"{where} is stale: {counted(len(standing.stale), 'file')} of {every} {'differs' if len(standing.stale) == 1 else 'differ'}."
    first = "move your words out of the files that are not as dbarch wrote them, delete these, then "
    in_the_way = first if standing.edited or standing.foreign else ""
    text = f"{verdict}\n{_kinds(standing)}\nNext: {in_the_way}run `{again}` and commit what it writes."
    data = {"fresh": False, "stale": list(standing.stale)}
    return Answer(_with_notes(text, notes), data, verdict, findings=len(standing.stale))


def _written(told: Documentation, standing: Standing, where: str, notes: tuple[str, ...]) -> Answer:
    touched = len(standing.changed) + len(standing.missing)
    verdict = (
        f"{where}: {counted(len(told.tables), 'table')} from {told.source}; {counted(touched, 'file')} written, "
        f"{len(standing.fresh)} as they were, {len(standing.left)} removed."
    )
    text = f"{verdict}\n{_kinds(standing)}" if touched or standing.left else verdict
    text += f"\nNext: open {where}/{HTML} in a browser; `dbarch docs --check` in CI says when the pages are stale."
    data = {"folder": where, "written": [*standing.changed, *standing.missing], "removed": list(standing.left)}
    return Answer(_with_notes(text, notes), data, verdict, carried_out={"files": touched + len(standing.left)})


def _kinds(standing: Standing) -> str:
    told = (
        ("changed", standing.changed),
        ("new", standing.missing),
        ("of tables that are gone", standing.left),
        ("changed by somebody since", standing.edited),
        ("not written by dbarch", standing.foreign),
    )
    return "\n".join(f"- {word}: {_listed(names)}" for word, names in told if names)


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _with_notes(text: str, notes: tuple[str, ...]) -> str:
    return "\n".join((text, *(f"Note: {note}" for note in notes)))
