"""Boxes drawn with letters or lines -> the tables that they sketch. Weak: columns are often cut, keys often marked at a neighbour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mcp_server.model.orm import Place
from mcp_server.model.spec import StatedColumn, StatedTable, kind_of_name
from mcp_server.world.spec_types import read_type
from mcp_server.world.spec_words import constrained, read_words

_EDGES = "│|║┃"
_TOP = re.compile(r"[┌+╔┏][─\-═━┬┴┼▼▲►◄┐+]*?[─\-═━]{3,}[─\-═━┬┴┼▼▲►◄]*[┐+╗┓]")
_RULE = re.compile(r"^[\s─\-═━├┤╠╣+┬┴┼*]*$")
_NAME = re.compile(r"^[`\"]?(?P<name>[A-Za-z_][A-Za-z0-9_]*)[`\"]?(?:\s+table)?\s*(?:\([^)]*\))?$", re.I)
_LINE = re.compile(
    r"^(?:[•*-]\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?::\s*(?P<type>[^()]+(?:\(\d[\d, ]*\))?[^()]*))?\s*(?:\((?P<words>.*)\)?)?\s*$"
)


@dataclass(frozen=True, slots=True)
class _Box:
    """The inside of a box. lines: the text between its edges with the number of the line."""

    line: int
    lines: tuple[tuple[int, str], ...]


def read_boxes(text: str, path: str, line: int) -> tuple[StatedTable, ...]:
    """The tables that boxes in a drawing sketch; boxes without a key sketch none. line: of its first."""
    if not _TOP.search(text):
        return ()
    tables = (_table(box, path) for box in _boxes(text.split("\n"), line))
    return tuple(table for table in tables if table is not None)


def _boxes(lines: list[str], first: int) -> Iterator[_Box]:
    for number, line in enumerate(lines):
        for top in _TOP.finditer(line):
            left, right = top.start(), top.end() - 1
            inside: list[tuple[int, str]] = []
            for below, other in enumerate(lines[number + 1 :], number + 1):
                if left >= len(other) or other[left] not in _EDGES + "├╠+┠":
                    break
                cut = other[left + 1 : right] if right < len(other) else other[left + 1 :].rstrip(_EDGES + " ")
                if other[left] == "+" and _RULE.match(cut) and inside and len(inside) > 2:
                    break
                inside.append((first + below, cut.strip(_EDGES + " ")))
            if len(inside) > 1:
                yield _Box(first + number, tuple(inside))


def _table(box: _Box, path: str) -> StatedTable | None:
    lines = [(number, text) for number, text in box.lines if text and not _RULE.match(text)]
    title = _NAME.match(lines[0][1]) if lines else None
    if title is None:
        return None
    columns = tuple(column for number, text in lines[1:] if (column := _column(text, Place(path, number))))
    if not any(column.primary_key or column.name.lower() == "id" for column in columns):
        return None
    name = title["name"]
    return StatedTable(name, kind_of_name(name), Place(path, lines[0][0]), "box", "weak", columns)


def _column(text: str, at: Place) -> StatedColumn | None:
    match = _LINE.match(text)
    if match is None or text.startswith("("):
        return None
    typed = (match["type"] or "").strip()
    column = StatedColumn(match["name"], at, read_type(typed) if typed else None)
    words = read_words(f"{typed} {match['words'] or ''}")
    return constrained(column, words)
