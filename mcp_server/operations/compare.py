"""compare_schemas: what spec, models, migrations and the live database say of one schema, in one matrix."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mcp_server.errors import ArchitectError, ConfigError
from mcp_server.model.answer import Answer

if TYPE_CHECKING:
    from mcp_server.model.described import Described
    from mcp_server.model.drift_report import DriftReport
    from mcp_server.model.finding import Finding
    from mcp_server.model.mark import Marks
    from mcp_server.model.orm import History
    from mcp_server.model.schema import Schema
    from mcp_server.model.spec_table import Spec
    from mcp_server.world.joint_reading import JointReading
    from mcp_server.world.workspace import Workspace

KINDS = ("spec", "models", "migrations", "file", "branch", "live")


async def compare_schemas(
    workspace: Workspace,
    sources: tuple[str, ...] = (),
    format: Literal["text", "json"] = "text",
) -> Answer:
    """Say where spec, models, migrations and the live database disagree, and which side to change.

    All but live are made real in an empty Postgres, and one reader reads them; what the spec leaves open is no
    disagreement, and neither is what is equal in meaning (TEXT and VARCHAR, a unique index and UNIQUE, names of indexes,
    SERIAL and identity). Each disagreement has its severity (breaking, integrity, performance, cosmetic), what every source
    says (spec, models and migrations with file and line), and the side to change by default. Contradictions inside the spec come first. The command exits with 1 when there
    are contradictions or disagreements that break or that cost integrity.

    sources: two or more of spec, spec:<path>, models, migrations, migrations:<revision>, file:<path.sql> and live; those
    that the project has when not given. format: text, or json.
    """
    words, chosen = tuple(sources), bool(sources)
    if not words:
        words = await existing(workspace)
    if len(dict.fromkeys(words)) < 2:
        raise ConfigError(
            f"Comparing needs two sources; {'given' if chosen else 'the project has'}: {', '.join(words) or 'none'}.",
            "Name them: sources spec, models, migrations or live.",
        )
    ordered = tuple(sorted(dict.fromkeys(words), key=_authority))
    return _answer(await _compared(workspace, ordered, chosen))


def _authority(word: str) -> int:
    """Who is right by default: the spec first, the database last."""
    kind = word.partition(":")[0]
    return KINDS.index(kind) if kind in KINDS else 0


async def existing(workspace: Workspace) -> tuple[str, ...]:
    """The sources that the project has, without reading any."""
    from mcp_server.world.alembic_config import find_config
    from mcp_server.world.specs import find_documents

    settings = workspace.settings
    documents = await asyncio.to_thread(find_documents, settings.root, settings.specs)
    found = ["spec"] if documents else []
    found.append("models")
    found += ["migrations"] if find_config(settings, ambiguous_is_none=True) else []
    found += ["live"] if settings.database_url else []
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Told:
    """A source that was read. schema: as it was made real, not of a spec. spec: its Spec, when it is one, with its contradictions.

    marks, history: of an Alembic history, where it made what.
    """

    described: Described
    schema: Schema | None = None
    spec: Spec | None = None
    contradictions: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    marks: Marks | None = None
    history: History | None = None


async def _compared(workspace: Workspace, words: tuple[str, ...], chosen: bool) -> DriftReport:
    """Read and compare. A source that nobody named and that cannot be read is told of, while two are left."""
    from mcp_server.model.drift import compare
    from mcp_server.model.drift_report import DriftReport
    from mcp_server.operations.leaving_out import leave_out

    workspace.progress(f"reading {', '.join(words)}")
    answers = await _read_all(workspace, words)
    told = [one for one in answers if isinstance(one, Told)]
    failures = [(word, one) for word, one in zip(words, answers, strict=True) if isinstance(one, ArchitectError)]
    if failures and (chosen or len(told) < 2):
        raise failures[0][1]
    told = await _with_live_places(workspace, told)
    schemas = {one.described.word: one.schema for one in told if one.schema is not None}
    apart = await leave_out(workspace, schemas, next((one.history for one in told if one.history), None))
    notes = [
        f"{word} could not be read and takes no part: {' '.join(str(error).split())[:400]}" for word, error in failures
    ]
    specs = [one.spec for one in told if one.spec]
    return DriftReport(
        sources=tuple(one.described.word for one in told),
        contradictions=tuple(finding for one in told for finding in one.contradictions),
        unread=tuple(one for spec in specs for one in spec.unread),
        disagreements=compare([one.described for one in told], apart.tables),
        notes=(*notes, *apart.notes, *(note for one in told for note in one.notes)),
        tables=len({table.name for one in told for table in one.described.tables}),
    )


async def _read_all(workspace: Workspace, words: tuple[str, ...]) -> list[Told | ArchitectError]:
    """The sources, all read at once; models and history by one process where that can be."""
    from mcp_server.world.joint_reading import open_reading
    from mcp_server.world.sources import parse_source

    kinds = {parse_source(word).kind for word in words}
    async with open_reading(workspace, jointly={"models", "migrations"} <= kinds) as reading:
        return await asyncio.gather(*(_tried(workspace, word, reading) for word in words))


async def _tried(workspace: Workspace, word: str, reading: JointReading) -> Told | ArchitectError:
    """A source, or why it could not be read: the others are read meanwhile and end what they began."""
    try:
        return await _read(workspace, word, reading)
    except ArchitectError as error:
        return error


async def _read(workspace: Workspace, word: str, reading: JointReading) -> Told:
    from mcp_server.model.described import describe_schema
    from mcp_server.world.external import without_external
    from mcp_server.world.sources import parse_source, read_source

    kind = parse_source(word).kind
    if kind == "spec":
        return await read_spec_told(workspace, word)
    if kind == "models":
        return await _read_models(workspace, reading)
    if kind == "migrations":
        return await _read_migrations(workspace, word, reading)
    schema = without_external(await read_source(workspace, word), workspace.settings.external)
    return Told(describe_schema(word, schema), schema)


async def _read_models(workspace: Workspace, reading: JointReading) -> Told:
    from mcp_server.model.described import describe_schema
    from mcp_server.world.external import without_external
    from mcp_server.world.sources import materialise_models
    from mcp_server.world.templates import read_template

    models = await reading.models()
    schema = await read_template(workspace, await materialise_models(workspace, models))
    schema = without_external(schema, workspace.settings.external)
    return Told(describe_schema("models", schema, models), schema)


async def _read_migrations(workspace: Workspace, word: str, reading: JointReading) -> Told:
    """What the history makes, each thing with the line of the revision that made or last changed it."""
    from mcp_server.model.described import describe_schema
    from mcp_server.model.mark import placed
    from mcp_server.world.database import together
    from mcp_server.world.external import without_external
    from mcp_server.world.migrations import replay, resolve
    from mcp_server.world.revision_marks import read_marks
    from mcp_server.world.sources import parse_source
    from mcp_server.world.templates import read_template

    history, walker = await reading.history()
    revision = parse_source(word).argument or "heads"
    wanted = history.ancestors(*(resolve(history, revision) if history.revisions else ()))
    template, marks = await together(
        replay(workspace, revision, history, walker=walker, wants_schema=True),
        asyncio.to_thread(read_marks, workspace.settings.root, wanted),
    )
    schema = (await read_template(workspace, template)).without(history.version_table_identity)
    schema = without_external(schema, workspace.settings.external)
    return Told(placed(describe_schema(word, schema), marks), schema, marks=marks, history=history)


async def _with_live_places(workspace: Workspace, told: list[Told]) -> list[Told]:
    """The sources, what the live database has from the history with the history's places."""
    from mcp_server.model.mark import placed_live

    made = next((one for one in told if one.marks and one.history), None)
    if made is None or made.marks is None or made.history is None:
        return told
    found = []
    for one in told:
        if one.described.word == "live":
            applied = await _applied(workspace, made.history)
            one = replace(one, described=placed_live(one.described, made.described, made.marks, applied))
        found.append(one)
    return found


async def _applied(workspace: Workspace, history: History) -> frozenset[str]:
    """The revisions that the live database has; none when its version table cannot be read."""
    from mcp_server.errors import DatabaseError
    from mcp_server.world.database import translating

    connection = await workspace.live()
    try:
        with translating("reading the version table"):
            rows = await connection.fetch(f"select version_num from {history.version_table_identity}")
    except DatabaseError:
        return frozenset()
    return frozenset(one.id for one in history.ancestors(*(row["version_num"] for row in rows)))


async def read_spec_told(workspace: Workspace, word: str) -> Told:
    """What a spec says, made real as far as Postgres takes it. Raises as load_spec() and materialise_spec()."""
    from mcp_server.model.described_spec import describe_spec
    from mcp_server.rules import judge
    from mcp_server.world.external import is_external
    from mcp_server.world.sources import load_spec, materialise_spec, parse_source
    from mcp_server.world.spec_ddl import makings, refused
    from mcp_server.world.templates import read_template

    spec = await load_spec(workspace, parse_source(word).argument)
    real = await read_template(workspace, await materialise_spec(workspace, spec, strict=False))
    described = describe_spec(spec, real, word)
    external = workspace.settings.external
    tables = tuple(one for one in described.tables if not is_external(f"public.{one.name}", external))
    left_out = refused(makings(spec), real)
    notes = tuple(f"Postgres refuses what the spec states at {one.place}: {one.sql}" for one in left_out)
    found = (one for one in judge(spec).findings if one.code.startswith("P") and one.severity != "info")
    return Told(replace(described, tables=tables), None, spec, tuple(found), notes)


def _answer(report: DriftReport) -> Answer:
    from mcp_server.model.drift_report import drift_data
    from mcp_server.render.drift_text import is_long, render_drift
    from mcp_server.world.runs import address, new_run

    reports = {f"drift-{new_run()}": render_drift(report)} if is_long(report) else {}
    where = address(next(iter(reports))) if reports else ""
    return Answer(
        text=render_drift(report, where),
        data={**drift_data(report), "report": where},
        verdict=report.verdict,
        findings=report.grave,
        reports=reports,
    )
