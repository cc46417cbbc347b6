"""Parts of a statement by its tokens: what stands in parentheses, its items, and what a name was given to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from mcp_server.world.sql import Token

Tokens = Sequence[Token]
_OPEN, _CLOSED = {"(": ")", "[": "]"}, {")": "(", "]": "["}
# What ends the list that SELECT starts.
_ENDS = frozenset(
    {"from", "where", "group", "having", "order", "limit", "union", "intersect", "except", "window", "into"}
)


def closing(tokens: Tokens, opening: int) -> int:
    """The index of what closes the parenthesis or bracket at `opening`; the last token when nothing does."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += (tokens[index].text in _OPEN) - (tokens[index].text in _CLOSED)
        if depth == 0:
            return index
    return len(tokens) - 1


def opening(tokens: Tokens, closing_at: int) -> int:
    """The index of what opens the parenthesis or bracket that closes at `closing_at`; 0 when nothing does."""
    depth = 0
    for index in range(closing_at, -1, -1):
        depth += (tokens[index].text in _CLOSED) - (tokens[index].text in _OPEN)
        if depth == 0:
            return index
    return 0


def items(tokens: Tokens, first: int, last: int) -> tuple[Tokens, ...]:
    """The items between commas of tokens[first:last], those of nested parentheses left whole."""
    found: list[list[Token]] = [[]]
    depth = 0
    for token in tokens[first:last]:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if token.text == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(token)
    return tuple(found) if last > first else ()


def single_parameter(item: Tokens) -> Token | None:
    """The parameter that an item is, `$1`, `($1)` or `$1 as a`; None for anything else."""
    inner = [token for token in item if token.text not in ("(", ")")]
    named = len(inner) == 1 or (len(inner) == 3 and inner[1].word == "as")
    return inner[0] if named and inner[0].parameter else None


def select_list(tokens: Tokens, select: int) -> tuple[Tokens, ...]:
    """The items of the list that the SELECT at `select` begins."""
    first = select + 1 + (tokens[select + 1].word in ("all", "distinct") if select + 1 < len(tokens) else 0)
    return items(tokens, first, end_of(tokens, first, _ENDS))


def end_of(tokens: Tokens, first: int, words: Collection[str]) -> int:
    """Where a list that begins at `first` ends: before one of some words, or what closes the parenthesis around it."""
    depth = 0
    for index in range(first, len(tokens)):
        depth += (tokens[index].text in _OPEN) - (tokens[index].text in _CLOSED)
        if depth < 0 or (depth == 0 and tokens[index].word in words):
            return index
    return len(tokens)


def rows_of_values(tokens: Tokens, values: int) -> Iterator[tuple[Tokens, ...]]:
    """The items of each row that the VALUES at `values` lists."""
    index = values + 1
    while index < len(tokens) and tokens[index].text == "(":
        last = closing(tokens, index)
        yield items(tokens, index + 1, last)
        index = last + 2 if last + 1 < len(tokens) and tokens[last + 1].text == "," else len(tokens)


def outputs(tokens: Tokens, first: int, last: int, number: int, *, nested: bool = False) -> Iterator[Token]:
    """The parameters that a query in tokens[first:last] yields as its column of that number, from 0. nested: inner ones too."""
    depth = 0
    for index in range(first, last):
        token = tokens[index]
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if depth and not nested:
            continue
        lists = [*rows_of_values(tokens, index)] if token.word == "values" else []
        lists += [select_list(tokens, index)] if token.word == "select" else []
        for listed in lists:
            found = single_parameter(listed[number]) if number < len(listed) else None
            if found:
                yield found


def behind_name(tokens: Tokens, name: str) -> list[Token]:
    """The parameters that a column of that name stands for: `$1 as name`, or the place of it in `(…) as t (a, name)`."""
    found = [tokens[index - 1 - (tokens[index - 1].word == "as")] for index in _named(tokens, name) if index > 1]
    given = [token for token in found if token.parameter]
    for index, token in enumerate(tokens):
        if token.text == "(" and index:
            last = closing(tokens, index)
            listed = [item[0].word if len(item) == 1 else "" for item in items(tokens, index + 1, last)]
            if name in listed and "" not in listed:
                given += _of_query_beside(tokens, index, last, listed.index(name))
    if name.startswith("column") and name[6:].isdecimal():
        given += outputs(tokens, 0, len(tokens), int(name[6:]) - 1, nested=True)
    return list(dict.fromkeys(given))


def _named(tokens: Tokens, name: str) -> list[int]:
    return [index for index, token in enumerate(tokens) if token.word == name]


def _of_query_beside(tokens: Tokens, first: int, last: int, number: int) -> list[Token]:
    """The same of the query before `as t (a, b)`, or behind `with t (a, b) as (`."""
    before = first - 1
    before -= before > 0 and tokens[before].text not in (")",)
    before -= before > 0 and tokens[before].word == "as"
    if before >= 0 and tokens[before].text == ")":
        start = opening(tokens, before)
        return list(outputs(tokens, start + 1, before, number))
    after = last + 1
    while after < len(tokens) and tokens[after].word in ("as", "not", "materialized"):
        after += 1
    if after > last + 1 and after < len(tokens) and tokens[after].text == "(":
        return list(outputs(tokens, after + 1, closing(tokens, after), number))
    return []
