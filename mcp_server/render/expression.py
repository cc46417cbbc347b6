"""Expressions as Postgres deparses them, said in fewer words. For reading, not for running."""

from __future__ import annotations

import re
from collections.abc import Collection

from mcp_server.render.words import shorten_types

_LITERAL = r"E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'"
_QUOTED = re.compile(rf'{_LITERAL}|"(?:[^"]|"")*"', re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_HELD = "\x00(\\d+)\x00"  # a quoted text that was taken out
_END = r"(?![\w\[(.])"
_NUMERIC = rf"(?:numeric|bigint|int|smallint|float8|real){_END}"
_TEXT_CAST = re.compile(rf"({_HELD})::(?:text|varchar|bpchar|name){_END}")
_NUMBER_CAST = re.compile(rf"\(({_NUMBER.pattern})\)::{_NUMERIC}")
_HELD_NUMBER_CAST = re.compile(rf"{_HELD}::{_NUMERIC}")
_COLUMN_CAST = re.compile(rf"\((?:([a-z_][\w$]*)|{_HELD})\)::text{_END}")
_ELEMENTS = r" \(\(?ARRAY\[([^\[\]]*)\](?:\)?::[\w.]+\[\])*\)"
_ANY, _ALL = re.compile(f" = ANY{_ELEMENTS}"), re.compile(f" <> ALL{_ELEMENTS}")
# A comparison in parentheses between AND, OR, other parentheses and the ends; one level of parentheses within.
_COMPARISON = re.compile(r"(?:(?<=^)|(?<=AND )|(?<=OR )|(?<=\())\(((?:[^()]|\([^()]*\))*)\)(?=$| AND | OR |\))")
_PUBLIC = re.compile(r"(?<![\w.\x00])public\.(?=[\w\x00])")


def short(expression: str, of_type: str = "", varchars: Collection[str] = ()) -> str:
    """An expression without idle casts, needless parentheses and schema public, types by their short names.

    of_type: the type of the value, as Postgres writes it; a literal of that type needs no cast. varchars: names of
    columns that are varchar, whose cast to text says nothing.
    """
    literal = re.fullmatch(rf"({_LITERAL})::{re.escape(of_type)}", expression, re.DOTALL) if of_type else None
    if literal:
        return _unquoted(literal[1], of_type)
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(match[0])
        return f"\x00{len(held) - 1}\x00"

    def number(match: re.Match[str]) -> str:
        return _unquoted(held[int(match[1])], "numeric")

    def column(match: re.Match[str]) -> str:
        text = match[1] or held[int(match[2])]
        return text if text.strip('"') in varchars else match[0]

    text = shorten_types(re.sub(r"\s+", " ", _QUOTED.sub(hold, expression.replace("\x00", ""))).replace("( ", "("))
    text = _TEXT_CAST.sub(r"\1", text)
    text = _HELD_NUMBER_CAST.sub(number, _NUMBER_CAST.sub(r"\1", text))
    text = _COLUMN_CAST.sub(column, text)
    text = _ALL.sub(r" NOT IN (\1)", _ANY.sub(r" IN (\1)", text))
    text = _PUBLIC.sub("", _without_parentheses(text))
    return re.sub(_HELD, lambda match: held[int(match[1])], text)


def _unquoted(literal: str, of_type: str) -> str:
    """A number without its quotes."""
    number = literal[1:-1]
    is_number = _NUMBER.fullmatch(number) and re.match("numeric|bigint|integer|smallint|double|real", of_type)
    return number if is_number else literal


def _without_parentheses(text: str) -> str:
    """The text without the pair that embraces it all, and without those around a comparison between AND and OR."""
    while _embraced(text):
        text = text[1:-1]
    before = ""
    while before != text:
        before, text = text, _COMPARISON.sub(_opened, text)
    return text


def _opened(match: re.Match[str]) -> str:
    """What stands in the parentheses, without them when it is one comparison."""
    inner = match[1]
    outside = re.sub(r"\([^()]*\)", "", inner)
    if inner and not re.search(r" (?:AND|OR) |,|\bSELECT\b", outside):
        return inner
    return f"({_COMPARISON.sub(_opened, inner)})"


def _embraced(text: str) -> bool:
    """Whether the first parenthesis closes at the end."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return place == len(text) - 1
    return False
