"""The statements of a fence of SQL, each with its place and the tree that Postgres's grammar makes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcp_server.errors import StatementFailed
from mcp_server.model.orm import Place
from mcp_server.model.spec import Unread
from mcp_server.world.psql_script import Unterminated, read_script
from mcp_server.world.spec_dialects import in_postgres, without_inner_indexes
from mcp_server.world.sql_tree import Node, statements_of, tree_of

_FUNCTION = re.compile(
    r"\s*(?:--[^\n]*\n\s*)*create\s+(?:or\s+replace\s+)?function\s+(?:\w+\.)?\"?(\w+)\"?\s*\(\s*\)", re.I
)
_SETS_MOMENT = re.compile(
    r"\bnew\.\"?(\w+)\"?\s*:?=\s*(?:now\(\)|current_timestamp|clock_timestamp\(\)|timezone\()", re.I
)


@dataclass(frozen=True, slots=True)
class Script:
    """A statement with its place. line: of its first character. enums: values of the types that the document makes. touches: by the name
    of a trigger's function, the column that it sets to the present moment."""

    sql: str
    path: str
    line: int
    enums: Mapping[str, tuple[str, ...]]
    name: str = ""
    touches: Mapping[str, str] = field(default_factory=dict)

    def at(self, offset: int) -> Place:
        """The place of an offset in bytes."""
        before = self.sql.encode()[: max(offset, 0)].decode(errors="ignore")
        return Place(self.path, self.line + before.count("\n"))

    def touched(self, function: str) -> str:
        """The column that a trigger's function sets, by its name alone where it stands elsewhere; "" when that is not known."""
        named = re.search(r"(?:updated|modified|changed)_at", function, re.I)
        return self.touches.get(function.lower(), named[0].lower() if named else "")


def split(text: str, path: str, line: int) -> list[Script] | Unread:
    """The statements of a fence, in order; what is not understood when it cannot even be taken apart."""
    try:
        return [
            Script(piece.text, path, line + piece.line - 1, {}) for piece in read_script(text) if not piece.is_command
        ]
    except Unterminated as error:
        place = Place(path, line + error.line - 1)
        return Unread(place, f"this {error.what} is never closed", "SQL that Postgres reads")


def touched_by(sql: str) -> tuple[str, str] | None:
    """The function of a trigger that sets a column to the present moment, and the column; None for any other statement."""
    made, sets = _FUNCTION.match(sql), _SETS_MOMENT.search(sql)
    return (made[1].lower(), sets[1]) if made and sets else None


def shortened(sql: str) -> str:
    """A statement on one line, as much of it as an answer shows."""
    first = " ".join(sql.split())
    return first if len(first) <= 120 else first[:117] + "..."


def tree_told(script: Script) -> tuple[Node | None, str]:
    """The statement's tree; of another dialect after its words were exchanged; else None and what the grammar said."""
    problem = "SQL that Postgres reads"
    plainer = without_inner_indexes(script.sql)
    for sql in (plainer, in_postgres(plainer)):
        try:
            found = statements_of(sql)
        except StatementFailed as error:
            problem = "SQL that Postgres reads: " + str(error).partition("\n")[0]
            continue
        return (tree_of(found[0]), problem) if found else (None, problem)
    return None, problem
