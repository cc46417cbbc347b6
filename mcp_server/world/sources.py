"""A source word -> Schema, or -> a sandbox template that holds it. One way for every source: made real, then read."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mcp_server.errors import ConfigError, DatabaseError, ModelsError
from mcp_server.model.names import quote
from mcp_server.model.orm import Models
from mcp_server.model.schema import Schema
from mcp_server.world.bulk import runs, were_taken
from mcp_server.world.database import connect, translating
from mcp_server.world.guest_errors import statement_hint
from mcp_server.world.migrations import replay
from mcp_server.world.models import read_models
from mcp_server.world.sql_file import fill_from_file, load_pieces
from mcp_server.world.templates import make_template, read_template
from mcp_server.world.version_table import find_version_table

if TYPE_CHECKING:
    from asyncpg import Connection, Record

    from mcp_server.model.spec_table import Spec
    from mcp_server.world.sandbox import Sandbox
    from mcp_server.world.workspace import Workspace

WORDS = (
    "live",
    "models",
    "migrations",
    "migrations:<revision>",
    "spec",
    "spec:<path>",
    "file:<path.sql>",
    "branch:<name>",
)


@dataclass(frozen=True, slots=True)
class Source:
    """A source word, taken apart. argument: the path or the revision, "" for none."""

    kind: str
    argument: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.argument}" if self.argument else self.kind


def parse_source(word: str) -> Source:
    """Raises ConfigError that lists the words, for any other."""
    kind, _, argument = word.strip().partition(":")
    source = Source(kind, argument.strip())
    if kind in ("live", "models") and not argument:
        return source
    if kind in ("migrations", "spec") or (kind in ("file", "branch") and argument):
        return source
    known = f"Sources are: {', '.join(WORDS)}."
    near = get_close_matches(kind, ("live", "models", "migrations", "spec", "file", "branch"), n=1)
    raise ConfigError(f"{word!r} is no source{f'; did you mean {near[0]}?' if near else '.'}", known)


async def read_source(workspace: Workspace, word: str) -> Schema:
    """The Schema that a source word stands for. Alembic's version table is never part of it.

    Raises ConfigError, or the source's own SourceError; DatabaseError for `live`.
    """
    source = parse_source(word)
    if source.kind == "live":
        schema = await workspace.live_schema()
    elif source.kind == "branch":
        schema = await _read_branch(workspace, source.argument)
    else:
        schema = await read_template(workspace, await materialise(workspace, word))
    if source.kind not in ("live", "branch", "migrations"):
        return schema
    return schema.without(await find_version_table(workspace))


async def materialise(workspace: Workspace, word: str) -> str:
    """The name of a sandbox template that holds what a source word stands for; made at the first call for its content.

    Raises ConfigError for `live`, which is never copied; else as read_source().
    """
    source = parse_source(word)
    if source.kind in ("live", "branch"):
        copied = (one for one in WORDS if not one.startswith(("live", "branch")))
        raise ConfigError(f"`{source.kind}` is read where it is and not copied.", f"Sources are: {', '.join(copied)}.")
    if source.kind == "migrations":
        return await replay(workspace, source.argument or "heads")
    if source.kind == "models":
        sandboxes = await workspace.sandboxes()
        await sandboxes.start()
        return await materialise_models(workspace, await read_models(workspace, sandboxes.server_version))
    if source.kind == "spec":
        return await materialise_spec(workspace, await load_spec(workspace, source.argument))
    return await _materialise_file(workspace, source.argument)


async def _read_branch(workspace: Workspace, name: str) -> Schema:
    from mcp_server.world.neon_project import open_project, read_branch

    async with open_project(workspace) as project:
        return await read_branch(workspace, project, project.branch(name))


async def load_spec(workspace: Workspace, name: str = "") -> Spec:
    """What the documents of `spec` or `spec:<name>` state."""
    from mcp_server.world.specs import read_spec

    return await asyncio.to_thread(read_spec, workspace.settings.root, workspace.settings.specs, name)


async def materialise_spec(workspace: Workspace, spec: Spec, *, strict: bool = True) -> str:
    """The template that holds what a spec states, as far as it can be made; strict: as for fill_from_spec().

    Raises SpecError with the document's place.
    """
    from mcp_server.world.spec_ddl import fill_from_spec, makings

    made = makings(spec)

    async def fill(sandbox: Sandbox) -> None:
        workspace.progress(f"making {len(spec.tables)} tables of the spec")
        await fill_from_spec(sandbox, made, strict=strict)

    digest = hashlib.sha256("\x1e".join(one.sql for one in made).encode()).hexdigest()
    return await make_template(workspace, f"spec {digest}{'' if strict else ' leniently'}", fill)


async def materialise_models(workspace: Workspace, models: Models) -> str:
    """The template that holds these models. Raises ModelsError with the class's place when Postgres refuses its DDL."""

    async def fill(sandbox: Sandbox) -> None:
        workspace.progress(f"making {len(models.tables)} tables of the models")
        await fill_from_models(sandbox, models)

    return await make_template(workspace, f"models {models.fingerprint}", fill)


async def fill_from_models(sandbox: Sandbox, models: Models) -> None:
    """Run the DDL of models on a fresh sandbox."""
    connection = await connect(sandbox.url)
    sqls = (*(f"create extension if not exists {quote(name)}" for name in models.extensions), *models.ddl)
    try:
        for run in runs(sqls):
            if not await were_taken(connection, sqls[run]):
                await _one_by_one(connection, sqls[run], models)
    finally:
        await connection.close()


async def _one_by_one(connection: Connection[Record], sqls: Iterable[str], models: Models) -> None:
    for sql in sqls:
        try:
            with translating("making the models"):
                await connection.execute(sql)
        except DatabaseError as error:
            raise _refused(error, sql, models) from error


def _refused(error: DatabaseError, sql: str, models: Models) -> ModelsError:
    declared = next((table for table in models.tables if _makes(sql, table.schema, table.table)), None)
    place = models.place_of(declared.identity) if declared else None
    hint = statement_hint({"message": error.message, "sqlstate": "", "postgres_hint": error.hint})
    shown = sql if len(sql) <= 400 else sql[:400] + " ..."
    return ModelsError(
        f"Postgres refused the models: {error.message}\n    {shown}",
        hint,
        place.file if place else "",
        place.line if place else 0,
    )


def _makes(sql: str, schema: str, table: str) -> bool:
    """Whether a statement of SQLAlchemy is about a table."""
    plain = sql.replace('"', "")
    name = f"{schema}.{table}" if schema else table
    return plain.startswith((f"CREATE TABLE {name} (", f"ALTER TABLE {name} ")) or (
        plain.startswith(("CREATE INDEX", "CREATE UNIQUE INDEX")) and f" ON {name} " in plain
    )


async def _materialise_file(workspace: Workspace, name: str) -> str:
    pieces = await load_pieces(workspace.settings.root, name)
    sandboxes = await workspace.sandboxes()

    async def fill(sandbox: Sandbox) -> None:
        workspace.progress(f"running {len(pieces)} statements of {name}")
        await fill_from_file(sandboxes, sandbox, pieces)

    digest = hashlib.sha256("\x1e".join(piece.sql for piece in pieces).encode()).hexdigest()
    return await make_template(workspace, f"file {digest}", fill)
