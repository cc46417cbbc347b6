"""The type of a column that nobody knows, guessed from what the script does with it, else from its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mcp_server.model.action import Action
from mcp_server.model.stand_in import StandInColumn, StandIns, is_same

TYPES = (
    "text", "integer", "bigint", "boolean", "timestamp with time zone", "jsonb", "numeric", "uuid", "date", "int4range",
    "text[]", "tsvector", "timestamp without time zone", "double precision", "bytea", "json",
)  # fmt: skip
_NUMBERS = ("smallint", "integer", "bigint", "real", "double precision", "numeric", "serial", "bigserial")
_BY_NAME = (
    (re.compile(r"(?:^|_)(?:id|pk|fk)$"), "bigint"),
    (re.compile(r"^(?:is|has|can|was)_|^(?:active|enabled|deleted|archived)$"), "boolean"),
    (re.compile(r"_(?:at|on|time|ts)$|^(?:created|updated|expires)$"), "timestamp with time zone"),
    (re.compile(r"(?:^|_)(?:date|day)$"), "date"),
    (
        re.compile(r"(?:^|_)(?:count|size|age|amount|price|total|balance|quantity|number|position|rank|score)$"),
        "integer",
    ),
)
_NULLS = ("set not null", "drop not null", "add identity")
_BY_METHOD = {"gin": "jsonb", "gist": "int4range", "spgist": "text", "brin": "bigint"}


def guess(table: str, column: str, script: Sequence[Action], stand_ins: StandIns) -> StandInColumn:
    """The column as the script seems to mean it. Where a type is to be changed, one whose change is not free."""
    uses = [one for one in script if is_same(one.relation, table) or is_same(one.references, table)]
    required = next((one.verb for one in uses if one.name == column and one.verb in _NULLS), "")
    return StandInColumn(
        column, _type(table, column, uses, script, stand_ins), required in ("drop not null", "add identity")
    )


def _type(table: str, column: str, uses: Sequence[Action], script: Sequence[Action], stand_ins: StandIns) -> str:
    for one in uses:
        if one.verb == "alter column type" and one.name == column and is_same(one.relation, table):
            return former(one.type, has_using=bool(one.expression))
        if one.kind == "foreign key" and column in one.columns and is_same(one.relation, table):
            return _type_of_key(one.references, script, stand_ins)
        if one.references and is_same(one.references, table) and re.search(r"(?:^|_)(?:u?u?id|pk)$", column):
            return _type_of_referrer(one, script, stand_ins)
        if column in one.columns and (method := _method(one)):
            return method
        if f"{column}.collate" in one.options:
            return "text"
    return next((kind for pattern, kind in _BY_NAME if pattern.search(column)), "text")


def former(new: str, *, has_using: bool) -> str:
    """A type from which a change to another writes the table anew: whether the true one does is not known."""
    plain = new.partition("(")[0].strip()
    if plain.startswith("timestamp with time zone"):
        return "timestamp without time zone"
    if plain == "timestamp without time zone" or plain == "timestamp":
        return "timestamp with time zone"
    if plain in _NUMBERS:
        return "integer" if plain != "integer" else "bigint"
    if plain in ("text", "character varying", "character", "bpchar"):
        return "integer"
    fitting = {"jsonb": "json", "json": "jsonb", "date": "timestamp without time zone", "xml": "text"}
    return fitting.get(plain) or ("text" if has_using else "integer")


def _method(action: Action) -> str:
    words = [one.partition("=")[2] for one in action.options if one.startswith("using=")]
    return _BY_METHOD.get(words[0].lower(), "") if words else ""


def _type_of_key(references: str, script: Iterable[Action], stand_ins: StandIns) -> str:
    """The type of the key that a foreign key leads to; `id` as far as its columns are not known."""
    known = stand_ins.table(references)
    if known is not None and known.columns:
        return known.columns[0].type
    made = [one for one in script if one.verb in ("table column", "add column") and is_same(one.relation, references)]
    keyed = [one for one in made if "primary key" in one.flags or one.name == "id"]
    return plain_type(keyed[0].type) if keyed else "bigint"


def _type_of_referrer(action: Action, script: Iterable[Action], stand_ins: StandIns) -> str:
    """The type of the column that refers."""
    if action.type:
        return plain_type(action.type)
    names = set(action.columns)
    made = [one for one in script if one.verb in ("table column", "add column") and one.name in names]
    fitting = [one for one in made if is_same(one.relation, action.relation)]
    if fitting:
        return plain_type(fitting[0].type)
    known = stand_ins.table(action.relation)
    held = next((one for one in known.columns if one.name in names), None) if known else None
    return held.type if held else "bigint"


def plain_type(name: str) -> str:
    """The type that a column of it holds: `bigserial` holds bigint."""
    held = {"serial": "integer", "serial4": "integer", "bigserial": "bigint", "serial8": "bigint",
            "smallserial": "smallint", "serial2": "smallint"}  # fmt: skip
    return held.get(name, name)


def next_type(column: StandInColumn) -> StandInColumn | None:
    """The same column with a type that was not tried yet; None when all were."""
    tried = (*column.tried, column.type)
    left = next((one for one in TYPES if one not in tried), None)
    return StandInColumn(column.name, left, column.required, tried) if left else None
