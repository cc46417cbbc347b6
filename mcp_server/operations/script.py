"""A script of SQL -> the migration that it is, walked on a copy of where the project stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server.errors import Refused, SourceError
from mcp_server.model.change import diff
from mcp_server.model.schema import Extension, Namespace, Schema
from mcp_server.planning import steps
from mcp_server.world.alembic_config import find_config
from mcp_server.world.migrations import replay
from mcp_server.world.psql_script import Unterminated, read_script
from mcp_server.world.rehearsal import template_of
from mcp_server.world.sql_file import load_pieces

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of a script and its place."""

    sql: str
    place: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What a script runs on. words: for people. template: of the sandboxes, "" for an empty database.

    is_foreign: it was copied from a database that others write to, whose functions must not run with our rights.
    """

    words: str
    template: str
    is_foreign: bool = False


async def read_lines(workspace: Workspace, sql: str) -> tuple[Line, ...]:
    """The statements of a text, or of `file:<path.sql>`. Raises SourceError for what psql alone can do."""
    if sql.strip().startswith("file:"):
        pieces = await load_pieces(workspace.settings.root, sql.strip().removeprefix("file:"))
        return tuple(Line(piece.sql, f"{piece.file}:{piece.line}") for piece in pieces)
    try:
        script = tuple(read_script(sql))
    except Unterminated as error:
        raise SourceError(f"This {error.what} is never closed.", "", "sql", error.line) from error
    if commands := [piece for piece in script if piece.is_command]:
        raise Refused(f"`{commands[0].text[:40]}` is a command of psql.", "Give SQL alone.")
    return tuple(Line(piece.text, f"line {piece.line}") for piece in script)


async def find_ground(workspace: Workspace) -> Ground:
    """Where a script would run: the migrations' head; without Alembic a copy of live's schema; else nothing."""
    if find_config(workspace.settings, ambiguous_is_none=True) is not None:
        return Ground("the migrations' head", await replay(workspace))
    if not workspace.settings.database_url:
        return Ground("an empty database", "")
    live = await workspace.live_schema()
    empty = Schema.of(
        [
            *(Namespace(space.name) for space in live.all(Namespace) if space.name == "public"),
            *(one for one in live.all(Extension) if one.name == "plpgsql"),
        ],
        live.server_version,
    )
    made, _ = steps(empty, live, diff(empty, live))
    template = await template_of(workspace, f"live {live.fingerprint}", [step.sql for step in made], foreign=True)
    return Ground("a copy of live's schema", template, is_foreign=True)
