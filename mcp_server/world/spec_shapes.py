"""TypeScript and JSON in a document: what travels between programs. Weak evidence: a shape makes no table and contradicts none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mcp_server.model.orm import Place
from mcp_server.model.spec import StatedColumn, StatedTable
from mcp_server.world.spec_names import Subject
from mcp_server.world.spec_types import read_type

_OPENS = re.compile(
    r"^\s*(?:export\s+)?(?:declare\s+)?(?:interface\s+(?P<interface>\w+)[^{]*|type\s+(?P<alias>\w+)[^={]*=\s*)\{\s*$"
)
_FIELD = re.compile(
    r"^\s*(?:readonly\s+)?['\"]?(?P<name>\w+)['\"]?(?P<may>\?)?\s*:\s*(?P<type>[^;/]+?)\s*[;,]?\s*(?://.*)?$"
)


def read_shapes(text: str, path: str, line: int, word: str, subject: Subject | None) -> tuple[StatedTable, ...]:
    """The shapes of a fence. line: of its first; subject: the heading's, which an example in JSON belongs to."""
    if word.startswith("json"):
        return tuple(_example(text, path, line, subject))
    return tuple(_interfaces(text.split("\n"), path, line))


def _interfaces(lines: list[str], path: str, first: int) -> Iterator[StatedTable]:
    name, at, columns, depth = "", Place(), list[StatedColumn](), 0
    for number, line in enumerate(lines, first):
        opens = _OPENS.match(line)
        if opens and not name:
            name, at, columns, depth = opens["interface"] or opens["alias"], Place(path, number), [], 1
            continue
        field = _FIELD.match(line) if name and depth == 1 else None
        if field:
            optional = bool(field["may"]) or "null" in field["type"]
            kind = read_type(re.sub(r"\s*\|\s*(?:null|undefined)\b", "", field["type"]))
            columns.append(StatedColumn(field["name"], Place(path, number), kind, nullable=True if optional else None))
        depth += line.count("{") - line.count("}") if name else 0
        if name and depth <= 0:
            yield StatedTable(name, "shape", at, "typescript", "weak", tuple(columns))
            name = ""


def _example(text: str, path: str, line: int, subject: Subject | None) -> Iterator[StatedTable]:
    """The names in an example: their values are an example's, too, and say nothing of types."""
    try:
        found = json.loads(text)
    except ValueError:
        return
    one = found[0] if isinstance(found, list) and found else found
    if subject is not None and isinstance(one, dict):
        columns = tuple(StatedColumn(name, Place(path, line)) for name in one if re.fullmatch(r"\w+", name))
        yield StatedTable(subject.name, "shape", Place(path, line), "json", "weak", columns)
