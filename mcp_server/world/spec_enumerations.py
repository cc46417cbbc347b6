"""Enumerations that a document defines apart from the columns of their type -> their values in the place of their name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mcp_server.world.markdown import Block, Row, plain
from mcp_server.world.spec_outline import Placed

_HEADED = re.compile(r"^(?:\d+(?:\.\d+)*[.)]?\s+)?(?:enum\s*:?\s+)?(?P<name>[A-Z]\w+)(?:\s+enum(?:eration)?)?$", re.I)
_SAYS_ENUM = re.compile(r"\benum(?:s|erations?|erated types?)?\b", re.I)
_VALUE = re.compile(r"^['\"`]?(?P<value>[A-Za-z][\w-]*)['\"`]?\s*(?:$|[:=(–—]|-\s)")
_TYPE = re.compile(
    r"^\s*(?:export\s+)?type\s+(?P<name>\w+)\s*=\s*(?P<values>(?:\|?\s*['\"][^'\"\n]+['\"]\s*)+);?", re.M
)
_ENUM = re.compile(r"^\s*(?:export\s+)?enum\s+(?P<name>\w+)\s*\{(?P<body>[^}]*)\}", re.M)
_CLASS = re.compile(r"^class\s+(?P<name>\w+)\([^)]*Enum\)\s*:\s*\n(?P<body>(?:[ \t]+.*\n?|\s*\n)+)", re.M)
_ASSIGNED = re.compile(r"^\s*\w+\s*=\s*['\"](?P<value>[^'\"]+)['\"]", re.M)
_TYPED_ITEM = r"^(\W*{column}\W*\s*(?::|–|-)\s*\W*|\W*{column}\W*\s*\(){name}\b"


def with_values(placed: Sequence[Placed]) -> tuple[Placed, ...]:
    """The same blocks, an enumeration's values where a column names it as its type."""
    known = {name: values for name, values in _defined(placed) if len(values) > 1}
    if not known:
        return tuple(placed)
    return tuple(replace(one, block=_told(one.block, known)) for one in placed)


def _defined(placed: Sequence[Placed]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for index, one in enumerate(placed):
        if one.block.kind == "heading":
            match = _HEADED.match(plain(one.block.text))
            if match and any(_SAYS_ENUM.search(name) for name in one.path):
                yield match["name"], tuple(_listed(placed[index + 1 :]))
        elif one.block.kind == "fence":
            text = one.block.text
            yield from (
                (match["name"], tuple(re.findall(r"['\"]([^'\"]+)['\"]", match["values"])))
                for match in _TYPE.finditer(text)
            )
            for match in (*_ENUM.finditer(text), *_CLASS.finditer(text)):
                body = re.sub(r",", "\n", match["body"]) if "{" in match[0] else match["body"]
                yield match["name"], tuple(found["value"] for found in _ASSIGNED.finditer(body))


def _listed(below: Sequence[Placed]) -> Iterator[str]:
    """The values of the list below a heading; none when one of its items is no value."""
    items: list[re.Match[str] | None] = []
    for one in below:
        if one.block.kind == "heading" or (items and one.block.kind != "item"):
            break
        if one.block.kind == "item":
            items.append(_VALUE.match(plain(one.block.text)))
    if items and all(items):
        yield from (match["value"] for match in items if match)


def _told(block: Block, known: Mapping[str, tuple[str, ...]]) -> Block:
    if block.kind == "table" and any(plain(cell).lower().endswith("type") for cell in block.rows[0].cells):
        return replace(block, rows=(block.rows[0], *(_row(row, known) for row in block.rows[1:])))
    if block.kind == "item":
        for name, values in known.items():
            found = re.match(_TYPED_ITEM.format(column=r"\w+", name=re.escape(name)), block.text)
            if found:
                return replace(block, text=f"{found[1]}{_worded(values)}{block.text[found.end() :]}")
    return block


def _row(row: Row, known: Mapping[str, tuple[str, ...]]) -> Row:
    cells = (_worded(known[plain(cell)]) if plain(cell) in known else cell for cell in row.cells)
    return replace(row, cells=tuple(cells))


def _worded(values: Sequence[str]) -> str:
    return f"ENUM({', '.join(repr(value) for value in values)})"
