"""A Markdown document as blocks with their lines: headings, paragraphs, list items, tables, fences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table. line: from 1."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a document. line: from 1; of a fence, that of its first line of content.

    text: as it is written, marks of emphasis included; of a fence its content. depth: level of a heading, of a list item
    how deep its list is nested, from 1. A paragraph has a block for each of its lines. word: of a fence its language, of a list item "1" when its list is numbered.
    rows: of a table, its header first.
    """

    kind: Literal["heading", "paragraph", "item", "table", "fence"]
    line: int
    text: str = ""
    depth: int = 0
    word: str = ""
    rows: tuple[Row, ...] = ()


def read_blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a document in order."""
    from markdown_it import MarkdownIt

    reader = MarkdownIt("commonmark").enable("table").disable("inline")  # the text of blocks is wanted as it is written
    tokens = reader.parse(text.replace("\t", "    "))
    return tuple(_blocks(tokens))


def _blocks(tokens: Sequence[Token]) -> Iterator[Block]:
    lists: list[str] = []
    waiting: Block | None = None
    rows: list[Row] = []
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 0
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append("1" if token.type.startswith("ordered") else "")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            waiting = Block("item", line, "", len(lists), lists[-1])
        elif token.type == "inline" and tokens[index - 1].type == "heading_open":
            yield Block("heading", line, token.content, int(tokens[index - 1].tag[1:]))
        elif token.type == "inline" and tokens[index - 1].type == "paragraph_open":
            if waiting:
                yield replace(waiting, text=token.content, line=line)
            else:
                yield from (
                    Block("paragraph", line + after, text) for after, text in enumerate(token.content.split("\n"))
                )
            waiting = None
        elif token.type in ("fence", "code_block", "html_block"):
            if token.type != "html_block":
                yield _fence(token, line)
        elif token.type == "tr_open":
            rows.append(_row(tokens, index, line))
        elif token.type == "table_close":
            yield Block("table", rows[0].line if rows else line, rows=tuple(rows))
            rows = []


def _fence(token: Token, line: int) -> Block:
    first = line + 1 if token.type == "fence" else line
    word = token.info.strip().split(" ")[0].split("{")[0].lower() if token.info else ""
    return Block("fence", first, token.content, word=word)


def _row(tokens: Sequence[Token], index: int, line: int) -> Row:
    cells: list[str] = []
    while tokens[index].type != "tr_close":
        if tokens[index].type == "inline":
            cells.append(tokens[index].content.strip())
        index += 1
    return Row(line, tuple(cells))


_EMPHASIS = re.compile(r"\*\*|__(?=\S)|(?<=\S)__|(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])|~~")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


@lru_cache(maxsize=1 << 13)
def plain(text: str) -> str:
    """The text without emphasis, back-ticks and links, its white space made one blank."""
    without = _EMPHASIS.sub("", _LINK.sub(r"\1", text)).replace("`", "")
    return " ".join(without.replace("\\_", "_").replace("\\|", "|").split())
