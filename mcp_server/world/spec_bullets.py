"""List items that state columns: `- id: UUID (Primary Key)`, `` - `email` (string, unique): text ``, `Fields: id (primary key), …`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import Kind, StatedColumn, StatedTable, Strength, Unread, kind_of_name
from mcp_server.world.markdown import plain
from mcp_server.world.spec_outline import Placed, Subject
from mcp_server.world.spec_types import end_of_type, is_optional, read_type, read_values
from mcp_server.world.spec_words import Words, clauses, constrained, read_bound, read_words, says_on_update

_ITEM = re.compile(
    r"^(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*(?:\((?P<inside>(?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\))?\s*(?:(?P<sign>:|–|—|-(?=\s))\s*(?P<rest>.*))?$",
    re.S,
)
_FIELDS = re.compile(r"^(?:key )?(?:fields?|columns?|attributes?)\s*:\s*(?P<list>.+)$", re.I | re.S)
_RELATION = re.compile(
    r"\brelation(?:ship)?\b|\bback[-_ ]?(?:reference|populates)\b|\bone[- ]to[- ]|\bmany[- ]to[- ]|^(?-i:[Ll]ist\[['\"]?[A-Z]\w*['\"]?\]|\[?[A-Z][a-z]\w+\]?\[\])|\bcomputed\b|\bvirtual\b|\bnot (?:stored|persisted)\b",
    re.I,
)
_CLAUSE = re.compile(
    r"^(?:primary key|foreign key|pk\b|fk\b|unique\b|not null|nullable|required\b|optional\b|default\b|indexed\b|auto)",
    re.I,
)
_PARENS = re.compile(r"\(((?:[^()]|\([^()]*\))*)\)")


def read_items(placed: Sequence[Placed], path: str) -> Iterator[StatedTable | Unread]:
    """The tables that runs of list items state. placed: the blocks of a document in order."""
    for run in runs_of(placed):
        yield from _table(run, path)


def runs_of(placed: Sequence[Placed]) -> Iterator[list[Placed]]:
    """List items that may state the columns of one table together."""
    run: list[Placed] = []
    for one in (*placed, None):
        if one is not None and run and _continues(run[-1], one):
            run.append(one)
            continue
        if run:
            yield run
        run = [one] if one is not None and _may_state(one) else []


def _may_state(one: Placed) -> bool:
    return one.block.kind == "item" and one.subject is not None and one.topic == "columns" and not one.is_aside


def _continues(last: Placed, one: Placed) -> bool:
    return _may_state(one) and one.subject == last.subject


def _table(run: Sequence[Placed], path: str) -> Iterator[StatedTable | Unread]:
    subject = run[0].subject
    assert subject is not None
    columns: list[StatedColumn] = []
    missed: list[Placed] = []
    above: dict[int, str] = {}
    for one in run:
        above = {depth: name for depth, name in above.items() if depth < one.block.depth}
        if above and is_detail(plain(one.block.text)):
            columns = [_detailed(column, one) if column.name == above[max(above)] else column for column in columns]
            continue
        found = _columns_of(one, path)
        columns += found
        above.update({one.block.depth: found[0].name} if len(found) == 1 else {})
        if not found and not _is_relation(one) and not _announces(one):
            missed.append(one)
    if not any(_says_enough(column) for column in columns):
        return
    if len(missed) <= len(columns):
        expected = "`name`: type (constraints)"
        yield from (Unread(Place(path, one.block.line), plain(one.block.text), expected) for one in missed)
    elif not _is_trusted(subject):
        return
    yield StatedTable(
        subject.name,
        _kind(subject),
        subject.place,
        "bullets",
        _strength(columns),
        tuple(_without_doubles(columns)),
        external=subject.external,
    )


def _says_enough(column: StatedColumn) -> bool:
    return column.type is not None or column.primary_key or column.reference is not None


def _is_trusted(subject: Subject) -> bool:
    return subject.kind in ("table", "entity")


def _kind(subject: Subject) -> Kind:
    return subject.kind or kind_of_name(subject.name)


def _strength(columns: Sequence[StatedColumn]) -> Strength:
    return "middle" if any(column.type for column in columns) else "weak"


def _without_doubles(columns: Sequence[StatedColumn]) -> Iterator[StatedColumn]:
    names: set[str] = set()
    for column in columns:
        if column.name.lower() not in names:
            names.add(column.name.lower())
            yield column


def _announces(one: Placed) -> bool:
    text = plain(one.block.text)
    return (
        text.endswith(":")
        or bool(re.match(r"^(?:table|entity)?\s*(?:name|description|purpose)\s*:", text, re.I))
        or text.lower().startswith(("table:", "entity:"))
    )


def _is_relation(one: Placed) -> bool:
    return bool(_RELATION.search(plain(one.block.text)))


def _columns_of(one: Placed, path: str) -> list[StatedColumn]:
    text = plain(one.block.text)
    listed = _FIELDS.match(text)
    if listed:
        return [column for clause in clauses(listed["list"]) if (column := _short(clause, Place(path, one.block.line)))]
    column = read_item(text, Place(path, one.block.line))
    return [column] if column is not None else []


def is_detail(text: str) -> bool:
    """Whether a nested item tells more of the one above instead of being a column."""
    return bool(
        re.match(
            r"^(?:type|constraints?|default|validation|description|required|nullable|index(?:ed)?|unique|values?|format|range|note|example|purpose)\s*:",
            text,
            re.I,
        )
    )


def _detailed(column: StatedColumn, one: Placed) -> StatedColumn:
    """The column with what an item nested below it says: `Type: UUID`, `Constraints: NOT NULL`."""
    label, _, words = plain(one.block.text).partition(":")
    if label.strip().lower() == "type" and column.type is None:
        return _typed(column, words.strip())
    if label.strip().lower() in (
        "constraints",
        "constraint",
        "default",
        "required",
        "nullable",
        "unique",
        "index",
        "indexed",
    ):
        said = words if label.lower().startswith("constraint") else f"{label} {words}"
        return _with_words(column, "" if words.strip().lower() in ("no", "false") else said)
    return replace(column, bound=column.bound if column.bound is not None else read_bound(words))


def _short(clause: str, at: Place) -> StatedColumn | None:
    """A column of a list on one line: `completed (boolean, default false)`, or its name alone."""
    match = _ITEM.match(clause.strip())
    if match is None or _RELATION.search(clause):
        return None
    return _typed(StatedColumn(match["name"], at), match["inside"] or match["rest"] or "")


def read_item(text: str, at: Place) -> StatedColumn | None:
    """The column that an item states, None when it states none. text: without marks of emphasis."""
    match = _ITEM.match(text)
    if match is None or _RELATION.search(f"{match['inside'] or ''} {_first(match['rest'] or '')}"):
        return None
    inside, rest = (match["inside"] or "").strip(), (match["rest"] or "").strip()
    column = StatedColumn(match["name"], at)
    if inside and read_type(inside):
        return _told(_typed(column, inside), rest)
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
        column = _with_words(column, match[1])
    outside = re.split(r"\s[-–—]\s", _PARENS.sub(" ", after))[0]
    column = _with_words(column, outside) if outside.strip(" ,;:") else column
    if inside:
        column = _with_words(column, inside)
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


def _typed(column: StatedColumn, words: str) -> StatedColumn:
    """From parentheses that begin with a type: `UUID, primary key`."""
    type = read_type(words)
    column = replace(column, type=type, nullable=True if is_optional(words) else None)
    rest = words[words_of_type(words) :] if type else words
    if type and type.fits == ("enum",) and not type.values and rest.lstrip().startswith((":", "=")):
        column = replace(column, type=replace(type, values=read_values(rest.lstrip(" :="))))
    return _with_words(column, rest)


def _with_words(column: StatedColumn, words: str) -> StatedColumn:
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
    for clause in clauses(rest):
        if _CLAUSE.match(clause) and len(clause.split()) <= 5:
            column = _with_words(column, clause)
    said = read_words(rest)
    if said.reference and said.reference.table and (column.reference is None or not column.reference.table):
        known = column.reference is not None or re.search(r"\bforeign key\b|\bFK\b", rest, re.I)
        if known:
            column = replace(column, reference=said.reference)
    return column


def told_later(placed: Placed, path: str) -> tuple[str, Words, Place] | None:
    """What an item elsewhere says of a column that is stated: "`updated_at`: Updates automatically when a field changes"."""
    match = _ITEM.match(plain(placed.block.text)) if placed.block.kind == "item" else None
    if match is None or not match["rest"]:
        return None
    if says_on_update(match["rest"]):
        return match["name"], Words(on_update=True), Place(path, placed.block.line)
    return None
