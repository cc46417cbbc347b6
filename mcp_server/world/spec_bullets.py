"""List items that state columns: `- id: UUID (Primary Key)`, `` - `email` (string, unique): text ``, `Fields: id (primary key), …`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import StatedColumn, StatedTable, Strength, Unread
from mcp_server.world.markdown import plain
from mcp_server.world.spec_items import ITEM, RELATION, read_item, typed, with_words
from mcp_server.world.spec_names import Subject, kind_told
from mcp_server.world.spec_outline import Placed, is_changed
from mcp_server.world.spec_words import clauses, read_bound

_CONSTRAINS = re.compile(r"^(?:unique|check)\b[^()]*\(", re.I)  # read with the constraints
_FIELDS = re.compile(r"^(?:key )?(?:fields?|columns?|attributes?)\s*:\s*(?P<list>.+)$", re.I | re.S)


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
    is_list = one.block.kind == "item" or (one.block.kind == "paragraph" and _is_line_of_fields(one.block.text))
    return is_list and one.subject is not None and one.topic == "columns" and not one.is_aside


def _is_line_of_fields(text: str) -> bool:
    """Whether a sentence lists columns with what is said of them: `Fields: id (primary key), name (text)`."""
    match = _FIELDS.match(plain(text))
    return match is not None and match["list"].count("(") > 1


def _continues(last: Placed, one: Placed) -> bool:
    return _may_state(one) and one.subject == last.subject


def _table(run: Sequence[Placed], path: str) -> Iterator[StatedTable | Unread]:
    subject = run[0].subject
    assert subject is not None
    columns: list[StatedColumn] = []
    missed: list[Placed] = []
    above: dict[int, str] = {}
    for one, after in zip(run, (*run[1:], None), strict=True):
        above = {depth: name for depth, name in above.items() if depth < one.block.depth}
        if above and is_detail(plain(one.block.text)):
            columns = [_detailed(column, one) if column.name == above[max(above)] else column for column in columns]
            continue
        found = _columns_of(one, path) or _told_below(one, after, path)
        columns += found
        above.update({one.block.depth: found[0].name} if len(found) == 1 else {})
        if not found and not _is_relation(one) and not _announces(one) and not _CONSTRAINS.match(plain(one.block.text)):
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
        kind_told(subject, columns),
        subject.place,
        "bullets",
        _strength(columns),
        tuple(_without_doubles(columns)),
        external=subject.external,
        adds=is_changed(run[0], columns),
    )


def _says_enough(column: StatedColumn) -> bool:
    return column.type is not None or column.primary_key or column.reference is not None


def _is_trusted(subject: Subject) -> bool:
    return subject.kind in ("table", "entity")


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
    return bool(RELATION.search(plain(one.block.text)))


def _columns_of(one: Placed, path: str) -> list[StatedColumn]:
    text = plain(one.block.text)
    listed = _FIELDS.match(text)
    if listed:
        return [column for clause in clauses(listed["list"]) if (column := _short(clause, Place(path, one.block.line)))]
    column = read_item(text, Place(path, one.block.line))
    return [column] if column is not None else []


def _told_below(one: Placed, after: Placed | None, path: str) -> list[StatedColumn]:
    """The column that an item names with nothing else, when the items nested below it tell of it: `Type: UUID`."""
    name = plain(one.block.text).strip(" :")
    is_told = after is not None and after.block.depth > one.block.depth and is_detail(plain(after.block.text))
    return [StatedColumn(name, Place(path, one.block.line))] if is_told and re.fullmatch(r"[A-Za-z_]\w*", name) else []


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
        return typed(column, words.strip())
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
        return with_words(column, "" if words.strip().lower() in ("no", "false") else said)
    return replace(column, bound=column.bound if column.bound is not None else read_bound(words))


def _short(clause: str, at: Place) -> StatedColumn | None:
    """A column of a list on one line: `completed (boolean, default false)`, or its name alone."""
    match = ITEM.match(clause.strip())
    if match is None or RELATION.search(clause):
        return None
    return typed(StatedColumn(match["name"], at), match["inside"] or match["rest"] or "")
