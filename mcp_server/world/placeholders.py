"""Placeholders of other drivers, texts that normalisation broke, and values put in the place of `$n`.

SQLAlchemy and the drivers log `:name`, `%(name)s`, `%s` and `?`; pg_stat_statements stores `date $1`, which is no SQL
any more. Both are turned into plain `$n`, and every change is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from mcp_server.errors import Refused, StatementFailed
from mcp_server.model.names import literal
from mcp_server.world.sql import Token, is_sql, scan
from mcp_server.world.token_groups import items, opening

Value: TypeAlias = object

_OTHER = re.compile(
    r"""(?P<skip>
        [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | "(?:[^"]|"")*"
      | \$(?P<tag>[A-Za-z_]\w*|)\$ .*? \$(?P=tag)\$
      | --[^\n]* | /\*.*?\*/ | ::
      )
    | %\((?P<percent_name>[^)]+)\)s
    | :(?P<colon_name>[A-Za-z_]\w*)
    | (?P<percent>%s)
    | (?P<question>\?)
    """,
    re.VERBOSE | re.DOTALL,
)
_STYLES = (frozenset({"percent", "percent_name"}), frozenset({"colon_name"}), frozenset({"question"}))
# Keywords that are types; `uuid` or `jsonb` are plain names to the grammar.
_PREFIX_TYPES = frozenset(
    {
        "date",
        "time",
        "timestamp",
        "interval",
        "boolean",
        "smallint",
        "int",
        "integer",
        "bigint",
        "real",
        "float",
        "decimal",
    }
    | {"dec", "numeric", "bit", "char", "character", "varchar", "nchar", "text", "json", "xml"}
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text with `$n` alone, and what was changed, one sentence each."""

    text: str
    notes: tuple[str, ...] = ()


def with_numbers(sql: str) -> Rewritten:
    """The text with `$n` in the place of other drivers' placeholders; one that is SQL already stays as it is."""
    converted = Rewritten(sql) if is_sql(sql) else _convert(sql)
    repaired = _repair(converted.text)
    return Rewritten(repaired.text, (*converted.notes, *repaired.notes))


def substitute(sql: str, values: Mapping[int, str]) -> tuple[str, tuple[tuple[int, int, int], ...]]:
    """The text with each `$n` replaced by an SQL expression, and where they stand now: (start, end, n)."""
    if not values:
        return sql, ()
    pieces: list[str] = []
    places: list[tuple[int, int, int]] = []
    done = length = 0
    for token in scan(sql):
        if token.parameter not in values:
            continue
        kept, value = sql[done : token.start], values[token.parameter]
        places.append((length + len(kept), length + len(kept) + len(value), token.parameter))
        pieces += (kept, value)
        length += len(kept) + len(value)
        done = token.end
    return "".join((*pieces, sql[done:])), tuple(places)


def literal_of(value: Value, type_name: str, *, is_array: bool, is_json: bool) -> str:
    """A value as an SQL literal of a type; the server's own input function reads it.

    value: None, bool, a number, a text in Postgres's spelling of the type (dates, UUIDs, ranges), bytes, a list (for
    arrays and vectors), a dict or list (for json), or whatever has a fitting str(). type_name: as format_type() has it.
    """
    if value is None:
        return f"null::{type_name}"
    text = _array_text(value, is_json) if is_array and _is_list(value) else _text(value, is_json)
    if "\0" in text:
        raise Refused("A value holds a zero byte, which Postgres cannot store.", "Leave it out.")
    return f"{literal(text)}::{type_name}"


def _repair(sql: str) -> Rewritten:
    """`date $1` -> `$1::date`, `extract($1 from …)` -> `extract(year from …)`: what pg_stat_statements leaves.

    The parser's grammar takes both, Postgres's own takes neither.
    """
    if "$" not in sql:
        return Rewritten(sql)
    try:
        tokens = scan(sql)
    except StatementFailed:
        return Rewritten(sql)
    swaps: list[tuple[int, int, str]] = []
    guesses: list[tuple[int, int, str]] = []
    for index, (before, token) in enumerate(pairwise(tokens)):
        if token.parameter and (start := _type_before(tokens, index)):
            swaps.append((start.start, token.end, f"{token.text}::{sql[start.start : before.end]}"))
        elif token.parameter and before.text == "(" and index and tokens[index - 1].word == "extract":
            guesses.append((token.start, token.end, "year"))
    cuts = [(token.end, token.end, "::int") for pair in _cut_out(tokens) for token in pair]
    text = _edited(sql, (*swaps, *guesses, *cuts))
    notes = ["`type $n` is read as `$n::type`."] if swaps else []
    if cuts:
        notes.append("`substring(… from $n for $m)` is read with whole numbers.")
    if guesses:
        notes.append("`extract($n from …)` is read as `extract(year from …)`, for the field is not known.")
    return Rewritten(renumbered(text) if guesses else text, tuple(notes))


def _cut_out(tokens: Sequence[Token]) -> Iterator[tuple[Token, Token]]:
    """The places of `substring(a from $1 for $2)` and `substring(a, $1, $2)`, which Postgres would take for a pattern."""
    words = ("from", "for"), (",", ",")
    for index in range(len(tokens) - 4):
        before, first, between, second, after = tokens[index : index + 5]
        if first.parameter and second.parameter and after.text == ")" and (before.word, between.word) in words:
            name = tokens[opening(tokens, index + 4) - 1]
            if name.word == "substring" and len(items(tokens, opening(tokens, index + 4) + 1, index + 4)) in (1, 3):
                yield first, second


def _type_before(tokens: Sequence[Token], last: int) -> Token | None:
    """The first token of the type name that ends at `last`, as in `timestamp with time zone $1`; None for no type.

    Nothing but a type can be a plain name, or one behind its schema, before a constant.
    """
    words = [token.word for token in tokens[max(last - 3, 0) : last + 1]]
    if words[-3:] in (["with", "time", "zone"], ["without", "time", "zone"]) and words[0] in ("time", "timestamp"):
        return tokens[last - 3]
    if words[-2:] in (["double", "precision"], ["character", "varying"], ["bit", "varying"]):
        return tokens[last - 1]
    if not (tokens[last].is_name or tokens[last].word in _PREFIX_TYPES):
        return None
    has_schema = last > 1 and tokens[last - 1].text == "."
    return tokens[last - 2] if has_schema else tokens[last]


def renumbered(sql: str) -> str:
    """The text with its parameters numbered from 1 without gaps, in the same order."""
    tokens = [token for token in scan(sql) if token.parameter]
    place = {number: index for index, number in enumerate(sorted({token.parameter for token in tokens}), 1)}
    return _edited(sql, [(token.start, token.end, f"${place[token.parameter]}") for token in tokens])


def _convert(sql: str) -> Rewritten:
    """Every placeholder of another driver as `$n`; a name that comes again keeps its number.

    One style a text: where `:name` or `%s` stand, a `?` is an operator.
    """
    found = {kind for match in _OTHER.finditer(sql) for kind, text in match.groupdict().items() if text is not None}
    style = next((kinds for kinds in _STYLES if found & kinds), frozenset[str]())
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if kind not in style:
            return match[0]
        name = "" if kind in ("percent", "question") else match[kind]
        if not name or name not in names:
            names.append(name or f"#{len(names) + 1}")
        return f"${names.index(name) + 1 if name else len(names)}"

    text = _OTHER.sub(number, sql)
    if not names:
        return Rewritten(sql)
    told = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, 1) if not name.startswith("#"))
    note = f"Placeholders were numbered in order{': ' + told if told else ''}."
    return Rewritten(text.replace("%%", "%") if "percent" in style else text, (note,))


def _edited(sql: str, edits: Iterable[tuple[int, int, str]]) -> str:
    for start, end, text in sorted(edits, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql


def _is_list(value: Value) -> bool:
    return isinstance(value, list | tuple | set | frozenset)


def _text(value: Value, is_json: bool) -> str:
    if is_json and not (isinstance(value, str) and _is_json(value)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    if isinstance(value, dict) or _is_list(value):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _array_text(value: Value, is_json: bool) -> str:
    """A list as Postgres writes arrays: `{1,"a b",NULL,{…}}`."""
    if value is None:
        return "NULL"
    if _is_list(value):
        assert isinstance(value, list | tuple | set | frozenset)
        return "{" + ",".join(_array_text(item, is_json) for item in value) + "}"
    escaped = _text(value, is_json).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
