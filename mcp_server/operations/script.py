"""A script of SQL -> the migration that it is, walked on a copy of where the project stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server.errors import Refused, SourceError
from mcp_server.world.psql_script import Unterminated, read_script
from mcp_server.world.sql_file import load_pieces

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Line:
    """A statement of a script and its place."""

    sql: str
    place: str


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
