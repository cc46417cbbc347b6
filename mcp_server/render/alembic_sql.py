"""SQL inside of a revision: what SQLAlchemy's text() would take for parameters is escaped.

text() reads `:name` as a parameter and `\\:` as an escaped colon (sqlalchemy/sql/elements.py, compiler.py); the two
regular expressions differ between SQLAlchemy 1.4, 2.0 and 2.1. SQL that cannot be written so for all of them goes
through DDL(), which knows only the percent sign.
"""

from __future__ import annotations

import re

from mcp_server.model.deparsed import stable
from mcp_server.render.python_source import Bracket, Source, call, string

_PARAMETERS = (re.compile(r"(?<![:\w\x5c]):(\w+)(?!:)"), re.compile(r"(?<![:\w\x5c]):(\w+)(?![:\w])"))
_ESCAPED = (re.compile(r"\x5c(:[\w\$]*)(?![:\w\$])"), re.compile(r"\x5c(:\w*)(?![:\w])"))


def execute(sql: str) -> Bracket:
    """`op.execute(...)` that sends just this SQL."""
    if (escaped := escape(sql)) is not None:
        return call("op.execute", string(escaped))
    return call("op.execute", call("sa.DDL", string(sql.replace("%", "%%"))))


def escape(sql: str) -> str | None:
    """The text from which text() makes just this SQL; None when there is none."""
    escaped = _PARAMETERS[1].sub(r"\\:\1", sql)
    for parameters, marks in zip(_PARAMETERS, _ESCAPED, strict=True):
        if parameters.search(escaped) or marks.sub(r"\1", escaped) != sql:
            return None
    return escaped


def text(sql: str) -> Source | None:
    """`sa.text(...)` of an expression; None when it cannot be written so."""
    escaped = escape(stable(sql))
    return call("sa.text", string(escaped)) if escaped is not None else None


def plain(sql: str) -> Source | None:
    """An expression as a string, where SQLAlchemy makes a text() of it; None when it cannot be written so."""
    escaped = escape(stable(sql))
    return string(escaped) if escaped is not None else None
