"""Tables of a document that list columns, indexes or foreign keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcp_server.model.orm import Place
from mcp_server.model.spec import (
    Kind,
    Part,
    Reference,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    Unread,
)
from mcp_server.world.markdown import Row, plain
from mcp_server.world.spec_names import Subject, is_shape, kind_told
from mcp_server.world.spec_outline import Placed, is_changed
from mcp_server.world.spec_types import is_optional, read_type, read_values
from mcp_server.world.spec_words import (
    constrained,
    read_bound,
    read_default,
    read_on_delete,
    read_words,
    says_on_update,
)

_ROLES: dict[str, re.Pattern[str]] = {
    "name": re.compile(r"^(?:column|field|attribute|property)s?(?: name)?$|^name$", re.I),
    "type": re.compile(r"^(?:(?:data|column|field|sql|postgres(?:ql)?|db|python)[ _]?)?types?$", re.I),
    "constraints": re.compile(
        r"^(?:constraints?|rules?|modifiers?|key|keys|validation|attributes|constraints? */.*)$", re.I
    ),
    "nullable": re.compile(r"^(?:nullable|null|null\?|nullable\?|allow nulls?)$", re.I),
    "required": re.compile(r"^(?:required\??|mandatory|not null)$", re.I),
    "default": re.compile(r"^(?:defaults?|default value|initial value)$", re.I),
    "references": re.compile(r"^(?:references|foreign key|fk)$", re.I),
    "description": re.compile(r"^(?:description|notes?|purpose|comments?|details|meaning|remarks)$", re.I),
    "index": re.compile(r"^(?:index(?: name)?|indexes)$", re.I),
    "columns": re.compile(r"^(?:columns?\(?s?\)?|fields?\(?s?\)?|indexed columns?|on)$", re.I),
    "table": re.compile(r"^(?:tables?(?: name)?|entity|model)$", re.I),
    "primary": re.compile(r"^(?:pk|primary key)\??$", re.I),
    "unique": re.compile(r"^unique\??$", re.I),
    "indexed": re.compile(r"^indexed\??$", re.I),
    "on delete": re.compile(r"^on delete$", re.I),
}
_YES = re.compile(r"^(?:yes|y|true|✓|✅|x|☑)", re.I)
_NO = re.compile(r"^(?:no|n|false|✗|❌|✘|-|—)", re.I)
_EMPTY = ("", "-", "—", "–", "n/a", "none", "N/A")
_KEY = re.compile(
    r"^(?:(?P<call>\w+\([A-Za-z_]\w*\))|(?P<name>[A-Za-z_][\w.]*))(?:\s+(?P<order>asc|desc))?(?:\s+nulls\s+\w+)?$", re.I
)
_AUTOMATIC = re.compile(r"^(?:auto|identity\b|serial\b|sequence\b|generated\b|nextval\b)", re.I)
_COLUMN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")


def read_grid(placed: Placed, path: str) -> Iterator[Part]:
    """What a table states: the columns of a table, indexes, foreign keys; nothing when it is about something else."""
    rows = placed.block.rows
    if len(rows) < 2:
        return
    roles = roles_of(rows[0])
    if "index" in roles and ("columns" in roles or "name" in roles):
        yield from _indexes(placed, roles, path)
    elif "name" in roles and "references" in roles and "table" in roles:
        yield from _keys(rows[1:], roles, path)
    elif "name" in roles and "type" in roles:
        yield from _columns(placed, roles, path)


def roles_of(header: Row) -> dict[str, int]:
    """Which column of the table holds what, by its header."""
    found: dict[str, int] = {}
    for index, cell in enumerate(header.cells):
        for role, pattern in _ROLES.items():
            if pattern.match(plain(cell)) and role not in found:
                if role == "columns" and "index" not in found:
                    continue
                found[role] = index
                break
    if "index" in found and "name" in found and "type" in found and found["name"] < found["index"]:
        found["indexed"] = found.pop("index")  # a mark beside each column
    if "index" in found and "name" in found and "columns" not in found:
        found["columns"] = found.pop("name")
    return found


def _columns(placed: Placed, roles: Mapping[str, int], path: str) -> Iterator[Part]:
    rows = placed.block.rows[1:]
    if "table" in roles:
        names = dict.fromkeys(plain(row.cells[roles["table"]]) for row in rows if row.cells[roles["table"]])
        for name in names:
            own = tuple(row for row in rows if plain(row.cells[roles["table"]]) == name)
            kind: Kind = "shape" if is_shape(name) else "entity"
            subject = Subject(name, Place(path, own[0].line), kind)
            yield from _table(replace(placed, subject=subject), subject, own, roles, path)
        return
    if placed.subject is None:
        at = Place(path, placed.block.line)
        yield Unread(
            at, " | ".join(placed.block.rows[0].cells), "a heading above that names the table of these columns"
        )
        return
    yield from _table(placed, placed.subject, rows, roles, path)


def _table(
    placed: Placed, subject: Subject, rows: tuple[Row, ...], roles: Mapping[str, int], path: str
) -> Iterator[Part]:
    columns: list[StatedColumn] = []
    for row in rows:
        column = _column(row, roles, path)
        if column is not None:
            columns.append(column)
        if column is None or (column.type is None and _is_unknown_type(_cell(row, roles, "type"))):
            expected = "a column's name" if column is None else "a type of Postgres"
            yield Unread(Place(path, row.line), " | ".join(row.cells), expected)
    if any(column.nullable is False for column in columns) and "constraints" in roles:
        columns = [_spoken_silence(column, row_of(rows, column), roles) for column in columns]
    kind = kind_told(subject, columns)
    if columns:
        told = tuple(columns)
        yield StatedTable(
            subject.name,
            kind,
            subject.place,
            "column table",
            "strong",
            told,
            external=subject.external,
            adds=is_changed(placed, told),
        )


def row_of(rows: tuple[Row, ...], column: StatedColumn) -> Row:
    """The row that states a column."""
    return next(row for row in rows if row.line == column.place.line)


def _spoken_silence(column: StatedColumn, row: Row, roles: Mapping[str, int]) -> StatedColumn:
    """Where other columns are said to be NOT NULL, an empty cell says that this one is not."""
    if column.nullable is None and not column.primary_key and _cell(row, roles, "constraints") in _EMPTY:
        return replace(column, nullable=True, silent=True)
    return column


def _cell(row: Row, roles: Mapping[str, int], role: str) -> str:
    index = roles.get(role, -1)
    return plain(row.cells[index]) if 0 <= index < len(row.cells) else ""


def _is_unknown_type(text: str) -> bool:
    return text not in _EMPTY


def _column(row: Row, roles: Mapping[str, int], path: str) -> StatedColumn | None:
    written = _cell(row, roles, "name")
    name = re.sub(r"\s*(?:\([^)]*\)|\*|🔑|PK|FK)+\s*$", "", written).strip()
    if not _COLUMN.match(name):
        return None
    typed = _cell(row, roles, "type")
    constraints = " ".join(_cell(row, roles, role) for role in ("constraints",))
    marks = written[len(name) :] + " " + constraints
    column = StatedColumn(name, Place(path, row.line), read_type(typed))
    listed = re.match(r"^enum\s*[:=]\s*(?P<values>.+)$", typed, re.I)
    if listed and column.type and not column.type.values:
        column = replace(column, type=replace(column.type, values=read_values(listed["values"])))
    if is_optional(typed):
        column = replace(column, nullable=True)
    column = _from_cells(column, row, roles)
    column = constrained(column, read_words(marks))
    column = _from_type(column, typed)
    return _described(column, _cell(row, roles, "description"))


def _from_cells(column: StatedColumn, row: Row, roles: Mapping[str, int]) -> StatedColumn:
    """What cells of their own say: Nullable, Required, Default, References."""
    nullable, required = _cell(row, roles, "nullable"), _cell(row, roles, "required")
    default, target = _cell(row, roles, "default"), _cell(row, roles, "references")
    if nullable:
        says = (
            True
            if _YES.match(nullable) or nullable.lower().startswith("null")
            else False
            if _NO.match(nullable) or "not null" in nullable.lower()
            else None
        )
        column = replace(column, nullable=says if says is not None else column.nullable)
    if required:
        optional = _NO.match(required) or required.lower().startswith("optional")
        says = False if _YES.match(required) else True if optional else None
        column = replace(column, nullable=says if says is not None else column.nullable)
    if _AUTOMATIC.match(default):
        column = constrained(column, read_words(default))
    elif default not in _EMPTY:
        value = read_default(default)
        column = replace(column, default=None if value == "null" else value)
    if _YES.match(_cell(row, roles, "primary")):
        column = replace(column, primary_key=True)
    if _YES.match(_cell(row, roles, "unique")):
        column = replace(column, unique=True)
    if _YES.match(_cell(row, roles, "indexed")):
        column = replace(column, indexed=True)
    if target not in _EMPTY:
        words = read_words(f"foreign key {target}")
        column = replace(column, reference=words.reference)
    return column


def _from_type(column: StatedColumn, typed: str) -> StatedColumn:
    """What a cell of types says of more than the type: `INTEGER PRIMARY KEY`, `String(200), not null`."""
    type = column.type
    rest = typed[len(type.written) :] if type else typed
    return constrained(column, read_words(rest)) if rest.strip() else column


def _described(column: StatedColumn, description: str) -> StatedColumn:
    """What the description of a column says in so many words: how many characters, where its key leads, that it follows changes."""
    bound = column.bound if column.bound is not None else read_bound(description)
    column = replace(column, bound=bound)
    begins = re.match(r"default\s+(?:is\s+|:\s*)?(\S+)", description, re.I)
    if begins and column.default is None:
        value = read_default(begins[1].rstrip(".,;"))
        column = replace(column, default=None if value in ("null", "?") else value)
    if "foreign key" in description.lower() and (column.reference is None or not column.reference.table):
        found = read_words(description).reference
        column = replace(column, reference=found or column.reference)
    if column.reference and not column.reference.table:
        target = re.match(r"references? (?:to )?(?:the )?`?([a-z_]+)`? table", description, re.I)
        column = replace(column, reference=Reference(target[1], "", column.reference.on_delete)) if target else column
    if column.reference and not column.reference.on_delete and "on delete" in description.lower():
        rule = read_on_delete(description)
        column = replace(column, reference=replace(column.reference, on_delete=rule))
    return replace(column, on_update=column.on_update or says_on_update(description))


def _indexes(placed: Placed, roles: Mapping[str, int], path: str) -> Iterator[Part]:
    """Rows of indexes; those that carry a primary key, a uniqueness or a foreign key are no further indexes."""
    for row in placed.block.rows[1:]:
        name, columns = _cell(row, roles, "index"), _cell(row, roles, "columns")
        kind = _cell(row, roles, "type")
        keys = read_keys(columns)
        if not keys:
            yield Unread(Place(path, row.line), " | ".join(row.cells), "the columns of the index")
            continue
        if re.match(r"(?:primary|pk_|fk|foreign)", name, re.I) or re.match(r"(?:primary|foreign)", kind, re.I):
            continue
        table = _cell(row, roles, "table") or (placed.subject.name if placed.subject else "")
        unique = bool(re.search(r"\bunique\b", f"{name} {kind} {columns}", re.I))
        at = Place(path, row.line)
        named = name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else ""
        purpose = _cell(row, roles, "description")
        yield StatedIndex(table, keys, at, "index table", "strong", named, unique, purpose=purpose)


def read_keys(text: str) -> tuple[str, ...]:
    """The keys of an index: `(user_id, created_at DESC)`, `user_id + completed`, `lower(title)`."""
    inside = plain(text).strip()
    if inside.startswith("(") and inside.endswith(")"):
        inside = inside[1:-1]
    parts = [part.strip() for part in re.split(r"\s*[,+]\s*", inside) if part.strip()]
    found = [_KEY.match(part) for part in parts]
    if not parts or not all(found):
        return ()
    return tuple(_key(match) for match in found if match)


def _key(match: re.Match[str]) -> str:
    name = match["call"] or match["name"].rpartition(".")[2]
    return name + (" DESC" if (match["order"] or "").lower() == "desc" else "")


def _keys(rows: tuple[Row, ...], roles: Mapping[str, int], path: str) -> Iterator[Part]:
    """Rows of foreign keys."""
    for row in rows:
        target = read_words(f"foreign key {_cell(row, roles, 'references')}").reference
        columns = read_keys(_cell(row, roles, "name"))
        if target is None or not target.table or not columns:
            continue
        rule = read_on_delete("on delete " + _cell(row, roles, "on delete"))
        at = Place(path, row.line)
        yield StatedKey(
            _cell(row, roles, "table"), columns, replace(target, on_delete=rule), at, "column table", "strong"
        )
