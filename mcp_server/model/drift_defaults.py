"""Where two descriptions of one column disagree about its default: what the database gives, and what Python gives."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from mcp_server.model.described import Described, DescribedColumn
from mcp_server.model.drift_columns import Difference, told

_NOW = re.compile(
    r"(?:now\(\)|current_timestamp(?:\(\d+\))?|localtimestamp|transaction_timestamp\(\)|clock_timestamp\(\)|timezone\('utc', ?now\(\)\)|\(now\(\) at time zone 'utc'\))",
    re.I,
)
_UUID = re.compile(r"(?:gen_random_uuid|uuid_generate_v4|uuidv?4?7?)\(\)", re.I)


def compare_defaults(
    mine: DescribedColumn, theirs: DescribedColumn, left: Described, right: Described
) -> Difference | None:
    """Who else writes rows misses a default that only Python gives; for a yes or no nobody minds, and a column that may be NULL
    takes the row without it. A source that says nothing of a default, as a spec may, disagrees with none."""
    if mine.primary_key:
        return None
    if mine.default is None:
        return _without(mine, theirs, left)
    if mine.default == "?":
        return None
    if theirs.default is not None:
        if _differ(mine.default, theirs.default, theirs):
            return told("server default", "integrity", (mine.default, theirs.default), mine, theirs)
        return None
    if theirs.given is not None and _differ(mine.default, theirs.given, theirs):
        return told("server default", "integrity", (mine.default, f"Python: {theirs.given}"), mine, theirs)
    if theirs.given is None and not right.is_spec:
        return told("server default", "integrity", (mine.default, "none"), mine, theirs)
    if mine.required and plain_default(mine.default, mine) not in ("true", "false"):
        word = f"only Python's: {theirs.given}" if theirs.given != "?" else "only Python's"
        return told("server default", "cosmetic", (mine.default, word), mine, theirs)
    return None


def _without(mine: DescribedColumn, theirs: DescribedColumn, left: Described) -> Difference | None:
    """Where the first source has no default of the database: Python's must be theirs, and all but a spec is whole."""
    if mine.given is None:
        whole = not left.is_spec and theirs.default is not None
        return told("server default", "cosmetic", ("none", str(theirs.default)), mine, theirs) if whole else None
    other = theirs.default if theirs.default is not None else theirs.given
    if other is None or not _differ(mine.given, other, theirs):
        return None
    word = other if theirs.default is not None else f"Python: {other}"
    return told("server default", "integrity", (f"Python: {mine.given}", word), mine, theirs)


def _differ(one: str, other: str, column: DescribedColumn) -> bool:
    """Whether two defaults are plain values that are not one."""
    mine, theirs = plain_default(one, column), plain_default(other, column)
    empty_list = {mine, theirs} == {"[]", "{}"} and bool(column.types) and column.types[0].endswith("[]")
    return mine != theirs and not empty_list and "?" not in (mine, theirs) and _comparable(mine, theirs)


def plain_default(sql: str, column: DescribedColumn | None = None) -> str:
    """A default without casts and in one spelling. column: whose it is, when known: of a boolean, 1 is true."""
    text = re.sub(r"::[\w .\"]+(?:\(\d+\))?(?:\[\])?", "", sql).strip()
    if _NOW.fullmatch(text):
        return "now"
    if _UUID.fullmatch(text):
        return "uuid"
    if text.lower() in ("true", "false", "null"):
        return text.lower()
    value = text.strip("'") if text.startswith("'") else text
    types = column.types if column else ()
    if types[:1] == ("boolean",):
        return {"1": "true", "0": "false", "t": "true", "f": "false"}.get(value.lower(), value.lower())
    return _number(value) if not text.startswith("'") or not {*types} & {"text", "character varying"} else value


def _number(text: str) -> str:
    """A number in one spelling: 0, 0.0 and 0.00 are one."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return text
    return format(found.normalize(), "f") if found.is_finite() else text


def _comparable(one: str, other: str) -> bool:
    """Whether both are plain values: functions may be written in many ways."""
    return not any(re.search(r"[()]", text) for text in (one, other)) and "now" not in (one, other)
