"""Mermaid's erDiagram in a document -> what it states (https://mermaid.js.org/syntax/entityRelationshipDiagram.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.orm import Place
from mcp_server.model.spec import Reference, StatedColumn, StatedTable, Unread, alike, kind_of_name
from mcp_server.world.spec_types import read_type

_OPENS = re.compile(r"^\s*\"?(?P<name>[\w-]+)\"?\s*(?:\[[^\]]*\]\s*)?\{\s*$")
_FIELD = re.compile(
    r"^\s*(?P<type>[\w()\[\],-]+)\s+(?P<name>\w+)(?P<keys>(?:\s*,?\s*(?:PK|FK|UK))*)\s*(?:\"[^\"]*\")?\s*$"
)
_LINE = re.compile(
    r"^\s*\"?(?P<one>[\w-]+)\"?\s+(?P<left>[|}o][|o{}])(?:--|\.\.)(?P<right>[|o{}][|o{}])\s+\"?(?P<other>[\w-]+)\"?"
)


def read_mermaid(text: str, path: str, line: int) -> tuple[StatedTable | Unread, ...]:
    """The tables of an erDiagram; other diagrams state none. line: of its first."""
    if not re.match(r"\s*(?:%%[^\n]*\n\s*)*(?:---.*?---\s*)?erDiagram\b", text, re.S):
        return ()
    return tuple(_tables(text.split("\n"), path, line))


def _tables(lines: list[str], path: str, first: int) -> Iterator[StatedTable | Unread]:
    parents = _parents(lines)
    name, at, columns = "", Place(), list[StatedColumn]()
    for number, line in enumerate(lines, first):
        opens = _OPENS.match(line)
        if opens and not name:
            name, at, columns = opens["name"], Place(path, number), []
        elif name and line.strip() == "}":
            yield StatedTable(name, kind_of_name(name), at, "mermaid", "middle", tuple(columns))
            name = ""
        elif name and line.strip():
            field = _FIELD.match(line)
            if field is None:
                yield Unread(Place(path, number), line.strip(), "`type name PK|FK|UK` of a Mermaid entity")
                continue
            columns.append(_column(field, name, Place(path, number), parents))


def _column(field: re.Match[str], table: str, at: Place, parents: dict[str, list[str]]) -> StatedColumn:
    keys = re.findall(r"PK|FK|UK", field["keys"])
    target = field["name"].removesuffix("_id").removesuffix("Id")
    led = next((one for one in parents.get(alike(table), []) if alike(one) == alike(target)), "")
    return StatedColumn(
        field["name"],
        at,
        read_type(field["type"].replace("_", " ") if "_" in field["type"] else field["type"]),
        primary_key="PK" in keys,
        unique="UK" in keys,
        reference=Reference(led) if "FK" in keys else None,
    )


def _parents(lines: list[str]) -> dict[str, list[str]]:
    """Of each entity on the side of many, those on the side of one."""
    found: dict[str, list[str]] = {}
    for line in lines:
        match = _LINE.match(line)
        if match:
            one, other = match["one"], match["other"]
            child, parent = (other, one) if "{" in match["right"] else (one, other)
            found.setdefault(alike(child), []).append(parent)
    return found
