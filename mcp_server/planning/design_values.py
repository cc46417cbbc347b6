"""What a column's default and its checks mean in Python: a value, a function, an enum, bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mcp_server.model.deparsed import stable
from mcp_server.model.design import Given
from mcp_server.model.schema import Column, Constraint

KINDS = {
    "smallint": "int", "integer": "int", "bigint": "int", "boolean": "bool", "uuid": "UUID", "date": "date", "bytea": "bytes",
    "real": "float", "double precision": "float", "numeric": "Decimal", "interval": "timedelta",
    "text": "str", "character varying": "str", "character": "str", "citext": "str", "ltree": "str", "xml": "str", "money": "str",
    "inet": "str", "cidr": "str", "macaddr": "str", "tsvector": "str",
    "json": "dict[str, Any]", "jsonb": "dict[str, Any]", "hstore": "dict[str, Any]", "vector": "list[float]",
}  # fmt: skip
_TEXT = re.compile(r"'((?:[^']|'')*)'(?:::[\w .\"]+(?:\(\d+\))?(?:\[\])?)?\Z")
_NOW = re.compile(r"(?:now\(\)|CURRENT_TIMESTAMP(?:\(\d+\))?|transaction_timestamp\(\)|clock_timestamp\(\))\Z", re.I)
_PART = re.compile(
    r"(?P<what>\w+|(?:char_|character_)?length\((?P<of>\w+)\)) (?P<sign>>=|<=|>|<) (?P<number>-?\d+(?:\.\d+)?)\Z"
)
_SIGNS = {">=": "ge", "<=": "le", ">": "gt", "<": "lt"}


def kind_of(column: Column) -> str:
    """Python's type of a column's values, as source."""
    base = re.sub(r"\([\d,]+\)", "", column.type).removeprefix("public.")
    if base.endswith("[]"):
        inner = KINDS.get(base.removesuffix("[]"), "Any")
        return f"list[{inner}]"
    if base in ("json", "jsonb") and _plain(column.default) == "[]":
        return "list[Any]"
    if base.startswith("timestamp"):
        return "datetime"
    return "time" if base.startswith("time ") else KINDS.get(base, "Any")


def given_for(column: Column) -> Given:
    """What Python gives instead of the database's default, so that a row knows its values before it is read again."""
    text, kind = column.default, kind_of(column)
    if text is None or text.startswith("NULL"):
        return Given("value", "None") if column.nullable else Given()
    if _NOW.match(text):
        if column.type.startswith("timestamp"):
            return Given("clock" if "with time zone" in column.type else "naive clock")
        return Given("today") if column.type == "date" else Given()
    if re.match(r"(?:gen_random_uuid|uuid_generate_v4)\(\)", text) and kind == "UUID":
        return Given("uuid")
    if text == "CURRENT_DATE":
        return Given("today")
    plain = _plain(text)
    if plain is None:
        return (
            Given("value", text)
            if _is_number(text, kind)
            else Given("value", text.capitalize())
            if text in ("true", "false")
            else Given()
        )
    return _of_text(plain, kind)


def _of_text(plain: str, kind: str) -> Given:
    if kind.startswith("list[") and plain in ("{}", "[]"):
        return Given("list")
    if kind.startswith("dict[") and plain == "{}":
        return Given("dict")
    if kind == "str":
        return Given("value", plain)
    return Given("value", plain) if _is_number(plain, kind) else Given()


def _is_number(text: str, kind: str) -> bool:
    wanted = {"int": r"-?\d+", "float": r"-?\d+(?:\.\d+)?", "Decimal": r"-?\d+(?:\.\d+)?"}.get(kind)
    return wanted is not None and re.fullmatch(wanted, text) is not None


def _plain(text: str | None) -> str | None:
    match = _TEXT.match(text or "")
    return match[1].replace("''", "'") if match else None


def bounds_of(column: str, checks: Iterable[Constraint]) -> tuple[tuple[tuple[str, str], ...], int | None]:
    """The bounds of a number that checks of this column alone demand, as ("ge", "0"), and the least length of a text."""
    found: dict[str, str] = {}
    shortest = None
    for check in checks:
        for sign, number, of_length in _parts(check.expression, column) if check.columns == (column,) else ():
            if not of_length:
                found.setdefault(sign, number)
            elif sign in ("ge", "gt") and number.isdigit():
                shortest = int(number) + (sign == "gt")
    return tuple(found.items()), shortest


def _parts(expression: str, column: str) -> list[tuple[str, str, bool]]:
    """The comparisons of a check that is nothing but comparisons which all must hold."""
    text = re.sub(r"::[\w ]+(?:\(\d+\))?", "", stable(expression))
    text = re.sub(
        r"\b(?:btrim|trim)\((\w+)\)",
        r"\1",
        text.replace("(" + column + ")", column).replace("TRIM(BOTH FROM " + column + ")", column),
    )
    found = []
    for part in re.split(r"\s+AND\s+", text):
        bare = part.strip()
        while bare.startswith("(") and bare.endswith(")"):
            bare = bare[1:-1]
        bare = bare.lstrip("(") if bare.count("(") > bare.count(")") else bare
        bare = bare[:-1] if bare.count(")") > bare.count("(") else bare
        match = _PART.match(bare.replace(f"length{column}", f"length({column})"))
        if match is None or (match["of"] or match["what"]) != column:
            return []
        found.append((_SIGNS[match["sign"]], match["number"], match["of"] is not None))
    return found
