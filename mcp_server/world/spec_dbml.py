"""DBML in a document -> what it states (https://dbml.dbdiagram.io/docs)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import Part, Reference, StatedColumn, StatedIndex, StatedKey, StatedTable, Unread
from mcp_server.world.spec_types import read_type
from mcp_server.world.spec_words import clauses, read_default, read_on_delete

_BLOCK = re.compile(r"^\s*(?P<what>table|enum|ref|project|tablegroup|note)\b\s*(?P<name>[\w.\"]*)[^{]*\{\s*$", re.I)
_COLUMN = re.compile(
    r"^\s*\"?(?P<name>\w+)\"?\s+(?P<type>\"[^\"]+\"|[\w.]+(?:\([^)]*\))?(?:\[\])?)\s*(?:\[(?P<settings>.*)\])?\s*(?://.*)?$"
)
_INDEX = re.compile(r"^\s*(?:\((?P<many>[^)]*)\)|(?P<one>\w+))\s*(?:\[(?P<settings>.*)\])?\s*$")
_REF = re.compile(
    r"^\s*ref\s*\w*\s*:\s*(?P<left>[\w.\"]+)\s*(?P<sign>[<>-]+)\s*(?P<right>[\w.\"]+)\s*(?:\[(?P<settings>.*)\])?", re.I
)


def read_dbml(text: str, path: str, line: int) -> tuple[Part, ...]:
    """The tables, indexes and references of a text in DBML. line: of its first."""
    lines = text.split("\n")
    return tuple(_parts(lines, path, line, _enums(lines)))


def _enums(lines: list[str]) -> dict[str, tuple[str, ...]]:
    text = "\n".join(lines)
    return {
        match[1].strip('"').lower(): tuple(re.findall(r"^\s*\"?(\w+)\"?", match[2], re.M))
        for match in re.finditer(r"^\s*enum\s+([\w.\"]+)\s*\{(.*?)^\s*\}", text, re.M | re.S | re.I)
    }


def _parts(lines: list[str], path: str, first: int, enums: Mapping[str, tuple[str, ...]]) -> Iterator[Part]:
    what, name, at, columns, in_indexes = "", "", Place(), list[StatedColumn](), False
    for number, line in enumerate(lines, first):
        here, text = Place(path, number), line.split("//")[0].strip()
        block = _BLOCK.match(line)
        if not what and block:
            what, name, at, columns = block["what"].lower(), block["name"].rpartition(".")[2].strip('"'), here, []
        elif not what and (ref := _REF.match(text)):
            yield _reference(ref, here)
        elif text == "}" and in_indexes:
            in_indexes = False
        elif text == "}":
            if what == "table":
                yield StatedTable(name, "table", at, "dbml", "strong", tuple(columns))
            what = ""
        elif what == "table" and re.match(r"indexes\s*\{", text, re.I):
            in_indexes = True
        elif what == "table" and text and not re.match(r"note\b", text, re.I):
            yield from _line(text, name, here, columns, in_indexes, enums)


def _line(
    text: str,
    table: str,
    at: Place,
    columns: list[StatedColumn],
    in_indexes: bool,
    enums: Mapping[str, tuple[str, ...]],
) -> Iterator[Part]:
    index, column = _INDEX.match(text) if in_indexes else None, None if in_indexes else _COLUMN.match(text)
    if index:
        keys = tuple(key.strip(' `"') for key in (index["many"] or index["one"]).split(","))
        settings = index["settings"] or ""
        if "pk" in settings.split(","):
            yield StatedTable(table, "table", at, "dbml", "strong", (), keys, adds=True)
            return
        named = re.search(r"name\s*:\s*['\"]([^'\"]+)", settings)
        yield StatedIndex(table, keys, at, "dbml", "strong", named[1] if named else "", "unique" in settings)
    elif column:
        columns.append(_column(column, at, enums))
    else:
        yield Unread(at, text, "`name type [settings]` of DBML")


def _column(match: re.Match[str], at: Place, enums: Mapping[str, tuple[str, ...]]) -> StatedColumn:
    written = match["type"].strip('"')
    type = read_type(written)
    if written.lower() in enums:
        type = replace(read_type("enum") or type, written=written, values=enums[written.lower()])  # type: ignore[type-var]
    column = StatedColumn(match["name"], at, type)
    for setting in clauses(match["settings"] or ""):
        column = _set(column, setting.strip())
    return column


def _set(column: StatedColumn, setting: str) -> StatedColumn:
    word, _, value = (part.strip() for part in setting.partition(":"))
    match word.lower():
        case "pk" | "primary key":
            return replace(column, primary_key=True)
        case "not null" | "null":
            return replace(column, nullable=word.lower() == "null")
        case "unique":
            return replace(column, unique=True)
        case "increment":
            return replace(column, type=replace(column.type, automatic=True) if column.type else None)
        case "default":
            return replace(column, default=read_default(value.strip("`")))
        case "ref":
            table, _, name = value.lstrip("<>- ").replace('"', "").rpartition(".")
            return replace(column, reference=Reference(table.rpartition(".")[2], name))
        case _:
            return column


def _reference(match: re.Match[str], at: Place) -> StatedKey:
    left, right = match["left"].replace('"', ""), match["right"].replace('"', "")
    child, parent = (right, left) if "<" in match["sign"] else (left, right)
    rule = re.search(r"delete\s*:\s*([\w ]+)", match["settings"] or "")
    table, _, column = child.rpartition(".")
    target, _, name = parent.rpartition(".")
    on_delete = read_on_delete(f"on delete {rule[1]}") if rule else ""
    return StatedKey(
        table.rpartition(".")[2], (column,), Reference(target.rpartition(".")[2], name, on_delete), at, "dbml", "strong"
    )
