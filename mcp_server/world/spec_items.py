"""What one list item states of a column: `- id: UUID (Primary Key)`, `` - `email` (string, unique): text ``."""

from __future__ import annotations

import re
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import StatedColumn
from mcp_server.world.markdown import plain
from mcp_server.world.spec_outline import Placed
from mcp_server.world.spec_types import end_of_type, is_optional, read_type, read_values
from mcp_server.world.spec_words import Words, clauses, constrained, read_bound, read_words, says_on_update

ITEM = re.compile(
    r"^(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?:\((?P<inside>(?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\))?\s*(?:(?P<sign>:|–|—|-(?=\s))\s*(?P<rest>.*))?$",
    re.S,
)
RELATION = re.compile(
    r"\brelation(?:ship)?\b|\bback[-_ ]?(?:reference|populates)\b|\bone[- ]to[- ]|\bmany[- ]to[- ]|^(?-i:[Ll]ist\[['\"]?[A-Z]\w*['\"]?\]|\[?[A-Z][a-z]\w+\]?\[\])|\bcomputed\b|\bvirtual\b|\bnot (?:stored|persisted)\b",
    re.I,
)
_CLAUSE = re.compile(
    r"^(?:primary key|foreign key|references\s+\w+(?:[.(]\w+\)?)?$|pk\b|fk\b|unique\b|not null|nullable|required\b|optional\b|default\b|indexed\b|auto)",
    re.I,
)
_DASH = re.compile(r"(?:^|\s+)[-–—]\s+")
_AS_IN_SQL = re.compile(r"^(?P<name>[A-Za-z_]\w*)\s+(?P<type>[A-Z][A-Z0-9_]+\b.*)$", re.S)
_AFTER_TYPE = re.compile(
    r"^\s*(?:$|[(,;–—-]|not null|null\b|nullable|primary|unique|default|references|foreign|check\b|pk\b|fk\b)", re.I
)
_PARENS = re.compile(r"\(((?:[^()]|\([^()]*\))*)\)")


def read_item(text: str, at: Place) -> StatedColumn | None:
    """The column that an item states, None when it states none. text: without marks of emphasis."""
    match = ITEM.match(text)
    sql = _AS_IN_SQL.match(text) if match is None else None
    if sql and _AFTER_TYPE.match(sql["type"][end_of_type(sql["type"]) :]) and end_of_type(sql["type"]):
        return _after_colon(StatedColumn(sql["name"], at), sql["type"], "")
    if match is None or RELATION.search(f"{match['inside'] or ''} {_first(match['rest'] or '')}"):
        return None
    inside, rest = (match["inside"] or "").strip(), (match["rest"] or "").strip()
    column = StatedColumn(match["name"], at)
    if inside and read_type(inside):
        return _told(typed(column, inside), rest)
    if end_of_type(rest) or is_optional(rest):
        return _after_colon(column, rest, inside)
    words = read_words(inside)
    if not rest and not inside and match["sign"] is None and "_" in text:
        return column
    if inside and (words.primary_key or words.reference or words.nullable is not None or words.unique):
        return _told(constrained(column, words), rest)
    found = _type_in(rest)
    if found and (match["sign"] == ":" or inside):
        return _told(constrained(found_column(column, found), words), rest)
    return None


def found_column(column: StatedColumn, typed: str) -> StatedColumn:
    """The column with a type that stands within a sentence: "Required string representing the name"."""
    return replace(column, type=read_type(typed))


def _type_in(rest: str) -> str:
    """The type that a sentence names: in its first parentheses, or among its first words."""
    inside = _PARENS.search(rest)
    if inside and read_type(inside[1]):
        return inside[1]
    match = re.match(r"^(?:(?:required|optional|unique|auto-generated|nullable)\s+)+(?P<type>\w+)\b", rest, re.I)
    return match["type"] if match and read_type(match["type"]) else ""


def _first(rest: str) -> str:
    return rest.split(". ")[0][:80]


def _after_colon(column: StatedColumn, rest: str, inside: str) -> StatedColumn:
    """`name: TYPE (constraints) - description`, `name: TYPE, constraints`."""
    type = read_type(rest)
    column = replace(column, type=type, nullable=True if is_optional(rest) else None)
    after = rest[words_of_type(rest) :]
    for match in list(_PARENS.finditer(after))[:2]:
        column = with_words(column, match[1])
    outside = re.split(r"\s[-–—]\s", _PARENS.sub(" ", after))[0]
    column = with_words(column, outside) if outside.strip(" ,;:") else column
    if inside:
        column = with_words(column, inside)
    return _told(column, after)


def words_of_type(rest: str) -> int:
    """Where the type ends, with what else fits (`UUID or VARCHAR`) and with its wrapping (`Optional[str]`)."""
    wrapped = re.match(r"^\s*(?:optional|mapped)\s*\[[^\]]*\]+", rest, re.I)
    if wrapped:
        return wrapped.end()
    end = end_of_type(rest)
    other = re.match(r"\s*(?:\bor\b|/|\|)\s*", rest[end:])
    if other:
        more = end_of_type(rest[end + other.end() :]) or (
            4 if rest[end + other.end() :].lower().startswith(("none", "null")) else 0
        )
        end += other.end() + more if more else 0
    return end


def typed(column: StatedColumn, words: str) -> StatedColumn:
    """From parentheses that begin with a type: `UUID, primary key`."""
    type = read_type(words)
    column = replace(column, type=type, nullable=True if is_optional(words) else None)
    rest = words[words_of_type(words) :] if type else words
    if type and type.fits == ("enum",) and not type.values and rest.lstrip().startswith((":", "=")):
        column = replace(column, type=replace(type, values=read_values(rest.lstrip(" :="))))
    return with_words(column, rest)


def with_words(column: StatedColumn, words: str) -> StatedColumn:
    """The column with what words beside it say: a part of a composite key is no key by itself, and "(UUID)" names a type that fits."""
    said = read_words(words)
    if (
        said.primary_key
        and re.search(r"\bforeign\b", words, re.I) is None
        and re.search(r"\bpart of\b|\bcomposite\b", words, re.I)
    ):
        said = replace(said, primary_key=False)
    column = constrained(column, said)
    if (
        column.type
        and column.type.fits[:1] == ("character varying",)
        and re.search(r"(?:^|[\s,(])uuid(?:\b|v?4)", words, re.I)
    ):
        column = replace(column, type=replace(column.type, fits=(*column.type.fits, "uuid")))
    return column


def _told(column: StatedColumn, rest: str) -> StatedColumn:
    """What the sentence behind a column says in so many words."""
    bound = column.bound if column.bound is not None else read_bound(rest)
    column = replace(column, bound=bound, on_update=column.on_update or says_on_update(rest))
    for clause in (part for whole in clauses(rest) for part in _DASH.split(whole)):
        if _CLAUSE.match(clause) and len(clause.split()) <= 5:
            column = with_words(column, clause)
    said = read_words(rest)
    if said.reference and said.reference.table and (column.reference is None or not column.reference.table):
        known = column.reference is not None or re.search(r"\bforeign key\b|\bFK\b", rest, re.I)
        if known:
            column = replace(column, reference=said.reference)
    return column


def told_later(placed: Placed, path: str) -> tuple[str, Words, Place] | None:
    """What an item elsewhere says of a column that is stated: "`updated_at`: Updates automatically when a field changes"."""
    match = ITEM.match(plain(placed.block.text)) if placed.block.kind == "item" else None
    if match is None or not match["rest"]:
        return None
    said = Words(on_update=says_on_update(match["rest"]), bound=read_bound(match["rest"]))
    return None if said.says_nothing else (match["name"], said, Place(path, placed.block.line))
