"""What a server says of parameters whose type it cannot tell -> texts that may be meant, the likeliest first.

Texts of pg_stat_statements had constants where `$n` stands now, and Postgres knew their types: `day + $1` was `day + 7`,
`values ($1)` was `values (1)`. Nothing here asks a server; whoever does tries one text after another (untyped.py).
The error codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mcp_server.world.placeholders import renumbered
from mcp_server.world.sql import Token, scan
from mcp_server.world.token_groups import (
    Tokens,
    behind_name,
    closing,
    end_of,
    items,
    opening,
    outputs,
    rows_of_values,
    single_parameter,
)

UNDEFINED, AMBIGUOUS, MISMATCH, UNGROUPED, NOT_LISTED = "42883", "42725", "42804", "42803", "42P10"
# A literal is read as what stands beside it: `day - $1 > '2001-01-01'` takes the difference of two days for a number.
UNREADABLE = "22P02"
STATES = (UNDEFINED, AMBIGUOUS, MISMATCH, UNGROUPED, NOT_LISTED, UNREADABLE, "42P08", "42P18")
_OPERATOR = re.compile(r"operator (?:does not exist|is not unique): (.+)")
_COLUMN = re.compile(r'column "(.+)" is of type (.+) but expression is of type')
_PARAMETER = re.compile(r"data type of parameter \$(\d+)")
_BARE = ("unknown", "text")
_NUMBERS = ("integer", "numeric", "double precision")
_MOMENTS = ("timestamp with time zone", "date", "interval")
# What is added to a day is days, to a moment or an hour a span: else the constant would have had its type before it.
_ADDED = {"date": ("integer", "interval")}
_OFTEN = {"generate_series": ("integer", "timestamp with time zone"), "unnest": ("integer[]", "text[]"), "sum": ("numeric",), "avg": ("numeric",)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said of a text. place: the offset in it that it pointed at, -1 for none."""

    sqlstate: str
    message: str
    place: int = -1

    @property
    def is_of_unknown(self) -> bool:
        """Whether a parameter is refused because nothing around it gives it a type."""
        return _PARAMETER.search(self.message) is not None


def repairs(text: str, refusal: Refusal) -> Iterator[str]:
    """Texts in which something else is said at the place of a refusal, the likeliest first; each may still be refused."""
    tokens = scan(text)
    at = next((index for index, token in enumerate(tokens) if token.start <= refusal.place < token.end), -1)
    if refusal.sqlstate in (UNGROUPED, NOT_LISTED):
        yield from _alike(text, tokens)
    elif refusal.sqlstate == UNREADABLE:
        taken_away = [one for before, one in pairwise(tokens) if one.parameter and before.text == "-"]
        yield from _cast(text, tokens, taken_away, ("integer",))
    elif refusal.is_of_unknown:
        yield from _cast(text, tokens, unknown_at(text, refusal), ("text", *_NUMBERS, *_MOMENTS, "boolean"))
    elif "polymorphic" in refusal.message:
        alone = (one for before, one in pairwise(tokens) if one.parameter and before.text == "(")
        for token in alone:
            yield from _cast(text, tokens, [token], ("text",))
    elif at >= 0 and (operator := _OPERATOR.match(refusal.message)):
        yield from _of_operator(text, tokens, at, operator[1])
    elif at >= 0 and (column := _COLUMN.match(refusal.message)):
        places = _operand(tokens, at, 1, itself=True) or _inserted(tokens, column[1])
        yield from _cast(text, tokens, places, (column[2],))
    elif at >= 0 and refusal.sqlstate in (UNDEFINED, AMBIGUOUS):
        yield from _of_call(text, tokens, at)


def _of_operator(text: str, tokens: Tokens, at: int, operands: str) -> Iterator[str]:
    """operands: `date + unknown`, as the message has it."""
    left, found, right = operands.partition(f" {tokens[at].text} ")
    if not found:
        left, right = "", operands.partition(" ")[2]
    sides = [(_operand(tokens, at, -1) if found else [], left, right), (_operand(tokens, at, 1), right, left)]
    if all(_is_bare(mine) for _, mine, _ in sides):
        both = [token for places, _, _ in sides for token in places]
        beside = tokens[max(at - 1, 0) : at + 2]
        first = ("numeric", "integer") if all(token in beside for token in both) else _NUMBERS
        yield from _cast(text, tokens, both, (*first, *_MOMENTS))
    for places, mine, other in sides:
        if places and _is_bare(mine):
            element = other.removesuffix("[]")
            wanted = _ADDED.get(other, ()) if tokens[at].text in "+-" else ()
            known = (element,) if element and not _is_bare(element) else ()
            yield from _cast(text, tokens, places, (*wanted, *known, *_NUMBERS, *_MOMENTS))


def _is_bare(name: str) -> bool:
    return name.removesuffix("[]") in (*_BARE, "")


def _operand(tokens: Tokens, at: int, step: int, *, itself: bool = False) -> list[Token]:
    """The parameters that the operand beside an operator is, holds in a list, or has behind its name."""
    index = at if itself else at + step
    if step > 0 and index < len(tokens) and tokens[index].word in ("any", "all", "some"):
        index += 1
    if not 0 <= index < len(tokens):
        return []
    token = tokens[index]
    if token.parameter:
        return [token]
    if token.word in ("array", "("):
        index += token.word == "array"
        return _inside(tokens, index, closing(tokens, index))
    if token.text in (")", "]"):
        return _inside(tokens, opening(tokens, index), index)
    if step > 0 and index + 2 < len(tokens) and tokens[index + 1].text == ".":
        token = tokens[index + 2]
    return behind_name(tokens, token.word) if token.text[0].isalpha() or token.text[0] in '_"' else []


def _inside(tokens: Tokens, first: int, last: int) -> list[Token]:
    """The parameters that stand alone in a list, or in the array in it; those that a CASE in it yields."""
    found: list[Token] = []
    for item in items(tokens, first + 1, last):
        if one := single_parameter(item):
            found.append(one)
        elif item and item[0].word == "array":
            found += _inside(item, 1, len(item) - 1)
        elif item and item[0].word == "case":
            pairs = pairwise(item)
            found += [token for before, token in pairs if token.parameter and before.word in ("then", "else")]
        elif len(item) in (1, 3) and item[-1].text[0] not in "'0123456789":
            found += behind_name(tokens, item[-1].word)
    if not found and tokens[first + 1].word in ("values", "select"):
        found = list(outputs(tokens, first + 1, last, 0))
    return found


def _of_call(text: str, tokens: Tokens, at: int) -> Iterator[str]:
    """The arguments of a call that nobody has made such: of one type all of them."""
    name = at
    while name + 1 < len(tokens) and tokens[name + 1].text != "(":
        name += 1
    if name + 1 >= len(tokens):
        return
    places = _inside(tokens, name + 1, closing(tokens, name + 1))
    usual = _OFTEN.get(tokens[name].word, ())
    arrays = ("integer[]", "text[]", "double precision[]")
    yield from _cast(text, tokens, places, (*usual, *_NUMBERS, "text", *_MOMENTS, *arrays))


def unknown_at(text: str, refusal: Refusal) -> list[Token]:
    """The parameter that nothing around it gives a type: where the server points, or the first of the number it names."""
    tokens = scan(text)
    found = _PARAMETER.search(refusal.message)
    here = [token for token in tokens if token.parameter and token.start <= refusal.place < token.end]
    return here or [token for token in tokens if found and token.parameter == int(found[1])][:1]


def _inserted(tokens: Tokens, column: str) -> list[Token]:
    """The parameters that an INSERT or a MERGE puts into a column, by its place in the list of columns."""
    start = next((index for index, token in enumerate(tokens) if token.word in ("into", "insert")), -1)
    first = next((index for index in range(start + 1, len(tokens)) if tokens[index].text == "("), -1)
    if start < 0 or first < 0:
        return []
    last = closing(tokens, first)
    names = [item[-1].word.strip('"') for item in items(tokens, first + 1, last) if item]
    if column not in names:
        return []
    number = names.index(column)
    given = (
        row for index, token in enumerate(tokens) if token.word == "values" for row in rows_of_values(tokens, index)
    )
    direct = [one for row in given if number < len(row) and (one := single_parameter(row[number]))]
    return direct or list(outputs(tokens, last + 1, len(tokens), number))


def _alike(text: str, tokens: Tokens) -> Iterator[str]:
    """The text with one number for constants that stood in SELECT and in GROUP BY or ORDER BY, and were the same."""
    for index, token in enumerate(tokens[:-1]):
        if token.word not in ("group", "order") or tokens[index + 1].word != "by":
            continue
        end = end_of(tokens, index + 2, _ENDS_GROUP)
        edits: list[tuple[Token, Token]] = []
        for item in items(tokens, index + 2, end):
            edits += _twins(tokens[:index], _without_direction(item))
        if edits:
            yield renumbered(edited(text, [(mine.start, mine.end, other.text) for mine, other in dict(edits).items()]))


_ENDS_GROUP = frozenset(
    {"having", "order", "limit", "offset", "fetch", "union", "intersect", "except", "window", "for"}
)


def _without_direction(item: Tokens) -> Tokens:
    return [token for token in item if token.word not in ("asc", "desc", "nulls", "first", "last")]


def _twins(before: Tokens, item: Tokens) -> list[tuple[Token, Token]]:
    """The parameters of an item with those at the same places of the same expression before it."""
    mine = [token for token in item if token.parameter]
    for start in range(len(before) - len(item) + 1 if mine and len(item) > 1 else 0):
        there = before[start : start + len(item)]
        if all(
            one.word == other.word or (one.parameter and other.parameter)
            for one, other in zip(item, there, strict=True)
        ):
            pairs = zip(item, there, strict=True)
            return [(one, other) for one, other in pairs if one.parameter and one.text != other.text]
    return []


def _cast(text: str, tokens: Tokens, places: Sequence[Token], types: Iterable[str]) -> Iterator[str]:
    """The text with parameters cast to each of some types in turn; those that have a cast keep it."""
    bare = [token for token in dict.fromkeys(places) if not _has_cast(tokens, token)]
    for name in dict.fromkeys(types) if bare else ():
        yield edited(text, [(token.end, token.end, f"::{name}") for token in bare])


def _has_cast(tokens: Tokens, token: Token) -> bool:
    return any(other.text == "::" and other.start == token.end for other in tokens)


def edited(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """The text with stretches replaced: (start, end, what stands there then)."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
