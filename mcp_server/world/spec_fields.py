"""What one field of a class, or one `Column(...)`, states in Python: its annotation and its call."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from mcp_server.model.spec import Reference, SpecType, StatedColumn
from mcp_server.world.spec_types import read_type
from mcp_server.world.spec_words import read_default, read_on_delete

Enums = Mapping[str, tuple[str, ...]]
_NOW = re.compile(r"now|utcnow|current_timestamp|utc_now|get_?utc", re.I)
_DELETES = {"ondelete", "on_delete"}


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def annotated(annotation: str, enums: Mapping[str, tuple[str, ...]]) -> SpecType | None:
    plain = (
        re.sub(r"^Mapped\[(.*)\]$", r"\1", annotation)
        .replace("uuid.UUID", "UUID")
        .replace("datetime.", "")
        .replace("dt.", "")
    )
    for enum, values in enums.items():
        if re.search(rf"\b{enum}\b", plain):
            found = read_type("enum")
            return replace(found, written=enum, values=values) if found else None
    found = read_type(plain.strip("'\""))
    if found and found.fits == ("enum",) and "Literal" in plain:  # to Python alone: the column is a text
        return replace(found, fits=("character varying",))
    return found


def from_call(column: StatedColumn, call: ast.Call, enums: Mapping[str, tuple[str, ...]]) -> StatedColumn:
    """What `Field(...)`, `Column(...)`, `mapped_column(...)` say."""
    is_field = called(call) == "Field"
    for argument in call.args:
        column = _positional(column, argument, is_field, enums)
    words = {one.arg: one.value for one in call.keywords if one.arg}
    for word, value in words.items():
        column = _keyword(column, word, value, enums, is_field)
    if not is_field and "nullable" not in words and column.nullable is None and not column.primary_key:
        column = replace(column, nullable=True, silent=True)
    return column


def _positional(
    column: StatedColumn, argument: ast.expr, is_field: bool, enums: Mapping[str, tuple[str, ...]]
) -> StatedColumn:
    if is_field:
        if isinstance(argument, ast.Constant) and argument.value is not Ellipsis and argument.value is not None:
            return replace(column, default=constant_of(argument), given=True)
        return column
    text = ast.unparse(argument)
    if isinstance(argument, ast.Call) and called(argument) == "ForeignKey":
        return replace(column, reference=_target(argument))
    if isinstance(argument, ast.Constant):
        return column
    found = _sql_type(text, enums)
    return replace(column, type=found) if found else column


def _sql_type(text: str, enums: Mapping[str, tuple[str, ...]]) -> SpecType | None:
    text = re.sub(r"^(?:sa|sqlalchemy|postgresql|pg|types)\.", "", text)
    if re.match(r"(?:DateTime|TIMESTAMP)\(.*timezone\s*=\s*True", text):
        return read_type("timestamp with time zone")
    if re.match(r"(?:SQL|SA|Sa)?Enum\(", text):
        inside = text[text.index("(") + 1 :]
        values = enums.get(inside.split(",")[0].rstrip(")")) or tuple(
            re.findall(r"'([^']*)'", re.sub(r"\bname\s*=\s*'[^']*'", "", inside))
        )
        found = read_type("enum")
        return replace(found, values=values) if found else None
    array = re.match(r"ARRAY\((?P<of>.*)\)$", text)
    if array:
        found = _sql_type(array["of"], enums)
        return replace(found, is_array=True) if found else None
    return read_type(text.replace("as_uuid=True", "").replace("()", "").replace("(length=", "("))


def _target(call: ast.Call) -> Reference | None:
    if not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    table, _, column = str(call.args[0].value).rpartition(".")
    rule = next(
        (str(one.value.value) for one in call.keywords if one.arg in _DELETES and isinstance(one.value, ast.Constant)),
        "",
    )
    return Reference(table.rpartition(".")[2], column, read_on_delete(f"on delete {rule}") if rule else "")


def _keyword(
    column: StatedColumn, word: str, value: ast.expr, enums: Mapping[str, tuple[str, ...]], is_field: bool
) -> StatedColumn:
    constant = value.value if isinstance(value, ast.Constant) else None
    match word:
        case "primary_key":
            return replace(column, primary_key=constant is True)
        case "nullable":
            return replace(column, nullable=bool(constant)) if isinstance(constant, bool) else column
        case "unique" | "index":
            return replace(
                column,
                unique=column.unique or (word == "unique" and constant is True),
                indexed=column.indexed or (word == "index" and constant is True),
            )
        case "max_length" | "length" if isinstance(constant, int):
            return replace(column, bound=constant)
        case "foreign_key" if isinstance(constant, str):
            table, _, name = constant.rpartition(".")
            rule = column.reference.on_delete if column.reference else ""
            return replace(column, reference=Reference(table.rpartition(".")[2], name, rule))
        case "ondelete" | "on_delete" if isinstance(constant, str):
            known = column.reference or Reference()
            return replace(column, reference=replace(known, on_delete=read_on_delete(f"on delete {constant}")))
        case "default" | "default_factory":
            return (
                replace(column, default=constant_of(value), given=True)
                if constant is not None or word == "default_factory"
                else column
            )
        case "server_default":
            return replace(column, default=_server(value), given=False)
        case "onupdate" | "server_onupdate":
            return replace(column, on_update=True)
        case "sa_column" if isinstance(value, ast.Call):
            return from_call(column, value, enums)
        case "sa_type" | "type_":
            return replace(column, type=_sql_type(ast.unparse(value), enums) or column.type)
        case "sa_column_kwargs" if isinstance(value, ast.Dict):
            for key, item in zip(value.keys, value.values, strict=True):
                if isinstance(key, ast.Constant):
                    column = _keyword(column, str(key.value), item, enums, is_field)
            return column
        case _:
            return column


def constant_of(value: ast.expr) -> str:
    """A default of Python as SQL where it has one."""
    text = ast.unparse(value)
    if isinstance(value, ast.Constant):
        return read_default(repr(value.value) if isinstance(value.value, str) else str(value.value))
    if "uuid" in text.lower():
        return "gen_random_uuid()"
    if _NOW.search(text):
        return "CURRENT_TIMESTAMP"
    return "?"


def _server(value: ast.expr) -> str:
    text = ast.unparse(value)
    inner = re.match(r"(?:sa\.|sqlalchemy\.)?text\((['\"])(?P<sql>.*)\1\)$", text)
    return read_default(inner["sql"]) if inner else constant_of(value)


def column_name(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    text = ast.unparse(node)
    inner = re.search(r"['\"]([^'\"]+)['\"]", text)
    descending = " DESC" if "desc(" in text.lower() else ""
    return (inner[1] if inner else text.rpartition(".")[2]) + descending if inner or descending else ""
