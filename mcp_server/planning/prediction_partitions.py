"""When a partition's bound is implied by the checks that a table has, so that attaching it reads nothing.

Source: PartConstraintImpliedByRelConstraint() in src/backend/commands/tablecmds.c, which asks predicate_implied_by(). Here the
proof is made for what people write: comparisons of the key column with constants, and lists of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.schema import Constraint
from mcp_server.planning.prediction_ground import Ground

_KEY = re.compile(r"^(?P<how>RANGE|LIST|HASH) \((?P<columns>.*)\)$", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(r"from \((?P<lower>.*)\) to \((?P<upper>.*)\)$", re.IGNORECASE | re.DOTALL)
_LIST = re.compile(r"in \((?P<values>.*)\)$", re.IGNORECASE | re.DOTALL)
_COMPARISON = re.compile(
    r"^\(?(?P<column>\"(?:[^\"]|\"\")+\"|[a-z_][\w$]*)\)?(?:::[\w ]+)? (?P<operator>>=|<=|=|<|>) (?P<value>.+)$",
    re.DOTALL,
)
_ANY = re.compile(
    r"^\(?(?P<column>\"(?:[^\"]|\"\")+\"|[a-z_][\w$]*)\)?(?:::[\w ]+)? = ANY \(+ARRAY\[(?P<values>.*)\]\)*(?:::[\w \[\]]+)?\)*$",
    re.DOTALL,
)
_CAST = re.compile(r"::[\w ]+(?:\[\])?(?:\([\d,]+\))?")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def key_columns(partition_by: str) -> tuple[str, ...]:
    """The columns of a partition key; () when one is an expression."""
    match = _KEY.match(partition_by)
    columns = [part.strip().split(" ")[0].strip('"') for part in match["columns"].split(",")] if match else []
    return tuple(columns) if columns and all(re.fullmatch(r"[\w$]+", one) for one in columns) else ()


def is_implied(ground: Ground, table: str, partition_by: str, bound: str) -> bool:
    """Whether the table's valid checks prove that each row lies within the bound."""
    columns = key_columns(partition_by)
    if len(columns) != 1 or "not" in bound:
        return False
    known = tuple(conjuncts(ground, table))
    column = columns[0]
    if not is_not_null(ground, table, column, known) and "null" not in bound.lower():
        return False
    if match := _RANGE.search(bound):
        return all(
            _has(known, column, operator, value) for operator, value in ((">=", match["lower"]), ("<", match["upper"]))
        )
    if match := _LIST.search(bound):
        return _is_within(known, column, _values(match["values"]))
    return False


def is_excluded(ground: Ground, table: str, partition_by: str, bound: str) -> bool:
    """Whether the checks of a default partition prove that none of its rows lies within the bound of a new one."""
    columns = key_columns(partition_by)
    match = _RANGE.search(bound)
    if len(columns) != 1 or not match:
        return False
    wanted = {_not(columns[0], match["lower"], match["upper"]), _not(columns[0], match["lower"], match["upper"], True)}
    return any(_normal(one) in wanted for one in conjuncts(ground, table))


def _not(column: str, lower: str, upper: str, reverse: bool = False) -> str:
    sides = (f"{column}<{_constant(lower)}", f"{column}>={_constant(upper)}")
    return "or".join(reversed(sides) if reverse else sides)


def _normal(text: str) -> str:
    return re.sub(r"[\s()]", "", _CAST.sub("", text)).replace("OR", "or").replace("'", "")


def conjuncts(ground: Ground, table: str) -> Iterator[str]:
    """The parts, joined by AND, of all checks of a table that hold for every row."""
    for one in ground.schema.on(table, Constraint):
        if one.kind == "c" and one.validated and one.enforced:
            yield from _split(one.expression)


def _split(expression: str) -> Iterator[str]:
    text = _unwrapped(expression.strip())
    parts = _at_top(text, " AND ")
    if len(parts) == 1:
        yield text
    else:
        for part in parts:
            yield from _split(part)


def _unwrapped(text: str) -> str:
    """The text without parentheses around the whole of it."""
    while text.startswith("(") and text.endswith(")") and _closes_at_end(text):
        text = text[1:-1].strip()
    return text


def _closes_at_end(text: str) -> bool:
    depth, quoted = 0, False
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        if not quoted:
            depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0:
            return place == len(text) - 1
    return False


def _at_top(text: str, separator: str) -> list[str]:
    """The parts of a text between separators that stand in no parentheses and no string."""
    parts, depth, quoted, begin = [], 0, False, 0
    for place, letter in enumerate(text):
        quoted ^= letter == "'"
        if not quoted:
            depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(letter, 0)
        if depth == 0 and not quoted and text.startswith(separator, place):
            parts.append(text[begin:place])
            begin = place + len(separator)
    return [*parts, text[begin:]]


def is_not_null(ground: Ground, table: str, column: str, known: tuple[str, ...]) -> bool:
    """Whether no row has a null there: by the column's own constraint, or by a check that says no more than that."""
    found = ground.column(table, column)
    return bool(found and not found.nullable) or proves_not_null(known, column)


def proves_not_null(known: tuple[str, ...], column: str) -> bool:
    """Whether one of the conjuncts says `column IS NOT NULL`. A comparison does not: a check lets null pass."""
    return any(re.fullmatch(rf'"?{re.escape(column)}"? IS NOT NULL', one) for one in known)


def _has(known: tuple[str, ...], column: str, operator: str, value: str) -> bool:
    """Whether a conjunct says as much as `column operator value`."""
    wanted = _constant(value)
    if wanted.upper() in ("MINVALUE", "MAXVALUE"):
        return True
    return any(_proves(match, column, operator, wanted) for one in known if (match := _COMPARISON.match(one)))


def _proves(match: re.Match[str], column: str, operator: str, wanted: str) -> bool:
    if match["column"].strip('"') != column:
        return False
    order = _compare(_constant(match["value"]), wanted)
    if order is None:
        return False
    if operator == ">=":
        return order >= 0 and match["operator"] in (">=", ">", "=")
    return (order <= 0 and match["operator"] == "<") or (order < 0 and match["operator"] in ("<=", "="))


def _compare(one: str, other: str) -> int | None:
    """-1, 0 or 1 for constants that are alike enough to be compared as text or number, None for others."""
    if one == other:
        return 0
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other):
        return 1 if float(one) > float(other) else -1
    if re.match(r"\d{4}-\d\d-\d\d", one) and re.match(r"\d{4}-\d\d-\d\d", other):
        short, long = sorted((one, other), key=len)
        if long.startswith(short):
            return 0 if set(long[len(short) :]) <= set(" :0.+") else None
        return 1 if one > other else -1
    return None


def _is_within(known: tuple[str, ...], column: str, allowed: frozenset[str]) -> bool:
    for one in known:
        match = _ANY.match(one)
        if match and match["column"].strip('"') == column and _values(match["values"]) <= allowed:
            return True
        match = _COMPARISON.match(one)
        equal = match is not None and match["operator"] == "=" and match["column"].strip('"') == column
        if match and equal and _constant(match["value"]) in allowed:
            return True
    return False


def _values(text: str) -> frozenset[str]:
    return frozenset(_constant(part) for part in _at_top(text, ","))


def _constant(text: str) -> str:
    """A constant without casts, quotes and parentheses."""
    return _CAST.sub("", _unwrapped(text.strip())).strip().strip("()").strip("'").replace("''", "'")
