"""Which objects a statement takes rows or values from, read from its words: what has no plan must still name its losses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mcp_server.errors import StatementFailed
from mcp_server.model.names import qualified, quote
from mcp_server.world.sql import Token, scan

DROPPED = ("table", "schema", "sequence", "type", "domain", "database", "extension", "view")
# What ALTER TABLE drops that holds no values of its own.
HARMLESS = ("constraint", "default", "not", "identity", "expression")
NOISE = ("if", "exists", "only", "concurrently")


def destroyed(sql: str) -> tuple[str, ...]:
    """The tables, columns and other objects, as a Schema names them; () when none, or when the text is no SQL.

    An unqualified name is taken to be in public.
    """
    try:
        tokens = [token for token in scan(sql) if token.text != ";"]
    except StatementFailed:
        return ()
    return tuple(dict.fromkeys(_destroyed(tokens)))


def _destroyed(tokens: Sequence[Token]) -> Iterator[str]:
    words = [token.word for token in tokens]
    if words[:1] == ["drop"]:
        kind = words[2] if words[1:2] == ["materialized"] else words[1] if len(words) > 1 else ""
        if kind in DROPPED and words[1:2] != ["view"]:
            start = words.index(kind) + 1
            yield from (_relation(parts) if kind != "schema" else quote(parts[-1]) for parts in _names(tokens[start:]))
    elif words[:1] == ["truncate"]:
        yield from (_relation(parts) for parts in _names(tokens[2 if words[1:2] == ["table"] else 1 :]))
    elif words[:2] == ["delete", "from"]:
        yield from (_relation(parts) for parts in [*_names(tokens[2:])][:1])
    elif words[:2] == ["alter", "table"]:
        yield from _dropped_columns(tokens[2:])


def _dropped_columns(tokens: Sequence[Token]) -> Iterator[str]:
    table = next(_names(tokens), ())
    for index, token in enumerate(tokens[:-1]):
        following = [one for one in tokens[index + 1 :] if one.word not in (*NOISE, "column")]
        before = tokens[index - 1].word if index else ""
        is_command = token.word == "drop" and (before == "," or tokens[index - 1].end < token.start)
        of_column = any(one.word == "alter" for one in tokens[max(index - 3, 0) : index])
        if is_command and following and following[0].word not in HARMLESS and not of_column:
            yield f"{_relation(table)}.{quote(_plain(following[0]))}"


def _names(tokens: Sequence[Token]) -> Iterator[tuple[str, ...]]:
    """The qualified names of a list, up to the first word that is none."""
    parts: list[str] = []
    wants_part = True
    for token in tokens:
        if token.word in NOISE and not parts:
            continue
        if token.text == ".":
            wants_part = True
        elif token.text == ",":
            if parts:
                yield tuple(parts)
            parts, wants_part = [], True
        elif wants_part and (token.word[0].isalpha() or token.word[0] in '_"'):
            parts.append(_plain(token))
            wants_part = False
        else:
            break
    if parts:
        yield tuple(parts)


def _plain(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.text.startswith('"') else token.word


def _relation(parts: Sequence[str]) -> str:
    return qualified(parts[-2], parts[-1]) if len(parts) > 1 else qualified("public", parts[-1] if parts else "")
