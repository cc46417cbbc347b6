"""Other values in the place of a statement's constants, such as its next run may bring: from the statistics of their columns.

A statement that comes with values in it was written down once; what serves it must not serve these values alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mcp_server.model.names import literal
from mcp_server.model.workload import ColumnStatistics
from mcp_server.world.sql import Token, scan
from mcp_server.world.values import Compared

DRAWS = 2
# How far a value moves among the values of its column: one that bounds a range from both sides, and one that cuts off an end.
FAR, NEAR = 0.31, 0.03
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
_COMPARISONS = ("=", "<", ">", "<=", ">=", "like", "ilike", "between", "~~", "~~*")
_TYPES = ("date", "time", "timestamp", "timestamptz", "zone", "with", "without", "numeric", "text")
_WORD = re.compile(r"%?(\w+)%?")


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in a text where something is compared. number: of the `$n` that may stand for it; the same
    text is the same value. start, end: offsets in characters."""

    number: int
    value: str
    start: int
    end: int
    quoted: bool


def constants(sql: str) -> tuple[Constant, ...]:
    """The compared constants of a statement, in order."""
    tokens = scan(sql)
    numbers: dict[str, int] = {}
    found: list[Constant] = []
    for index, token in enumerate(tokens):
        quoted = token.text.startswith("'")
        if not (quoted or _NUMBER.fullmatch(token.text)) or not _is_compared(tokens, index):
            continue
        # A text that comes again is one value of the application; a number may be so by chance.
        key = token.text if quoted and len(token.text) > 4 else f"{token.text} {index}"
        number = numbers.setdefault(key, len(numbers) + 1)
        value = token.text[1:-1].replace("''", "'") if quoted else token.text
        found.append(Constant(number, value, token.start, token.end, quoted))
    return tuple(found)


def _is_compared(tokens: Sequence[Token], index: int) -> bool:
    """Whether a constant stands behind a comparison, BETWEEN, LIKE, or in a list behind IN."""
    place = index - 1
    while place >= 0 and tokens[place].word in _TYPES:
        place -= 1
    if place < 0:
        return False
    if tokens[place].word in _COMPARISONS:
        return True
    if tokens[place].word == "and":
        return any(token.word == "between" for token in tokens[max(place - 8, 0) : place])
    return _opens_list(tokens, place)


def _opens_list(tokens: Sequence[Token], place: int) -> bool:
    while place > 0 and (tokens[place].text == "," or tokens[place].text[0] in "'0123456789"):
        place -= 1
    return place > 0 and tokens[place].text == "(" and tokens[place - 1].word == "in"


def numbered(sql: str, found: Sequence[Constant]) -> str:
    """The text with `$n` in the place of its constants."""
    return _edited(sql, {one: f"${one.number}" for one in found})


def redrawn(sql: str, found: Sequence[Constant], against: Mapping[int, Compared]) -> tuple[str, ...]:
    """The statement with other values, at most DRAWS times; () when none of its constants has a column to draw from."""
    texts: list[str] = []
    for draw in range(1, DRAWS + 1):
        values = dict(_drawn(found, against, draw))
        edits = {one: _written(one, values[one.number]) for one in found if one.number in values}
        texts.append(_edited(sql, edits))
    return tuple(text for text in dict.fromkeys(texts) if text != sql)


def _edited(sql: str, edits: Mapping[Constant, str]) -> str:
    for one in sorted(edits, key=lambda one: -one.start):
        sql = sql[: one.start] + edits[one] + sql[one.end :]
    return sql


def _written(one: Constant, value: str) -> str:
    """A value in the way that the text has it; the old one where a number would not be one."""
    if one.quoted:
        return literal(value)
    return value if _PLAIN.fullmatch(value) and not value.startswith("-") else one.value


def _drawn(found: Sequence[Constant], against: Mapping[int, Compared], draw: int) -> Iterator[tuple[int, str]]:
    """By number, a value for each constant that is compared with a column."""
    values = {one.number: one.value for one in found}
    groups: dict[tuple[str, str, str], list[int]] = {}
    for number in values:
        known = against.get(number)
        if known and known.column and known.term.column:
            groups.setdefault((known.term.alias, known.term.sql, _way(known.term.kind)), []).append(number)
    for (_, _, way), numbers in groups.items():
        first = against[numbers[0]]
        assert first.column is not None
        old = [values[number] for number in numbers]
        if way == "range":
            new = _moved(first.column, old, draw, first.closed)
        elif way == "equal":
            new = _exchanged(first.column, old, draw)
        else:
            new = [_pattern(first.column, one, draw) for one in old]
        yield from zip(numbers, new, strict=True)


def _way(kind: str) -> str:
    return {"equal": "equal", "among": "equal", "range": "range", "bound": "range"}.get(kind, kind)


def _ordered(column: ColumnStatistics) -> list[str]:
    return list(column.bounds) or sorted((value for value, _ in column.common), key=_key)


def _key(value: str) -> tuple[float, str]:
    return (float(value), "") if _PLAIN.fullmatch(value) else (float("inf"), value)


def _moved(column: ColumnStatistics, old: Sequence[str], draw: int, closed: bool) -> list[str]:
    """The bounds of a range, all moved by the same part of the column's values, so that it stays about as wide."""
    steps = _ordered(column)
    if len(steps) < 5:
        return list(old)
    keys = [_key(one) for one in steps]
    places = [bisect_left(keys, _key(one)) / (len(steps) - 1) for one in old]
    far = (FAR if closed else NEAR) * (1 if draw == 1 else -1)
    if max(places) + far > 1 or min(places) + far < 0:
        far = -far
    if max(places) + far > 1 or min(places) + far < 0:
        far = 0 if closed else far
    return [steps[round(min(max(place + far, 0), 1) * (len(steps) - 1))] if far else one for place, one in zip(places, old, strict=True)]  # fmt: skip


def _exchanged(column: ColumnStatistics, old: Sequence[str], draw: int) -> list[str]:
    """As many other values; among common ones those that are about as common."""
    parts = {value.rstrip(): part for value, part in column.common}
    left = [value for value in parts if value not in {one.rstrip() for one in old}]
    known = [parts[one.rstrip()] for one in old if one.rstrip() in parts]
    if known and len(left) >= len(old):
        usual = sum(known) / len(known)
        left.sort(key=lambda value: (abs(parts[value] - usual), value))
        start = min(len(old) * (draw - 1), len(left) - len(old))
        return left[start : start + len(old)]
    steps = [value for value in _ordered(column) if value not in old]
    if len(steps) < 2 * len(old):
        return list(old)
    first = int(len(steps) * FAR * draw)
    return [steps[(first + number * len(steps) // len(old)) % len(steps)] for number in range(len(old))]


def _pattern(column: ColumnStatistics, old: str, draw: int) -> str:
    """Another word, or another beginning, that some value of the column has."""
    match = _WORD.fullmatch(old)
    steps = _ordered(column)
    if not match or not steps or "_" in old:
        return old
    value = steps[int((FAR * draw) * (len(steps) - 1))]
    if old.startswith("%"):
        words = [word for word in re.findall(r"[^\W_]+", value) if len(word) > 2]
        word = min(words, key=lambda one: abs(len(one) - len(match[1])), default=match[1])
    else:
        word = value[: len(match[1])]
    return old if set("%_\\") & set(word) else old.replace(match[1], word)
