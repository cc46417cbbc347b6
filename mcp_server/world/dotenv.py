"""A .env file -> its variables. Values may be secrets: nothing here prints or raises with one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ASSIGNMENT = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*")
QUOTED = {"'": re.compile(r"'([^']*)'", re.S), '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)}
PLACEHOLDER = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_dotenv(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of one file; {} when it cannot be read.

    Single quotes are literal; double quotes know backslash escapes; a bare value ends at " #".
    `${NAME}` and `${NAME:-default}` are filled in from earlier lines, then from `environ`.
    """
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except OSError:
        return {}
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        position = _skip_blank(text, position)
        assignment = ASSIGNMENT.match(text, position)
        if assignment is None:
            position = _end_of_line(text, position)
            continue
        value, position = _value(text, _same_line(text, assignment), {**environ, **values})
        values[assignment["name"]] = value
    return values


def _skip_blank(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _same_line(text: str, assignment: re.Match[str]) -> int:
    """Where the value begins: `NAME=` with nothing after it must not swallow the next line."""
    return text.index("=", assignment.start()) + 1


def _value(text: str, position: int, known: Mapping[str, str]) -> tuple[str, int]:
    end = _end_of_line(text, position)
    while position < end and text[position] in " \t":
        position += 1
    quote = text[position : position + 1]
    quoted = QUOTED[quote].match(text, position) if quote in QUOTED else None
    if quoted is None:
        bare = re.split(r"\s#|^#", text[position:end], maxsplit=1)[0].strip()
        return _filled(bare, known), end
    after = _end_of_line(text, quoted.end())
    if quote == "'":
        return quoted[1], after
    unescaped = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), quoted[1], flags=re.S)
    return _filled(unescaped, known), after


def _filled(value: str, known: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda m: known.get(m["name"]) or m["default"] or "", value)
