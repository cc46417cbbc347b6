"""How the values of a column come along when its type changes, and what may be lost on the way.

Source of the tables: pg_cast of PostgreSQL 14 to 18. Casts to a string type always exist as assignments, casts from
one always as explicit ones (https://www.postgresql.org/docs/current/sql-createcast.html, "I/O conversion casts").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TYPE = re.compile(
    r"^(?P<base>[^(\[]+?)(?:\((?P<modifier>[^)]*)\))?(?P<rest> with(?:out)? time zone)?(?P<array>(?:\[\])*)$"
)
STRINGS = frozenset({"text", "character varying", "character", "bpchar"})
_INTEGERS = ("smallint", "integer", "bigint")
_NUMBERS = (*_INTEGERS, "numeric", "real", "double precision")
_TIMESTAMP, _TIMESTAMPTZ = "timestamp without time zone", "timestamp with time zone"
_TIME, _TIMETZ = "time without time zone", "time with time zone"
_ASSIGNED: dict[str, tuple[str, ...]] = {
    **{number: (*_NUMBERS, "money") if number not in ("real", "double precision") else _NUMBERS for number in _NUMBERS},
    "date": (_TIMESTAMP, _TIMESTAMPTZ),
    _TIMESTAMP: ("date", _TIME, _TIMESTAMPTZ),
    _TIMESTAMPTZ: ("date", _TIME, _TIMESTAMP, _TIMETZ),
    _TIME: ("interval", _TIMETZ),
    _TIMETZ: (_TIME,),
    "interval": (_TIME,),
    "json": ("jsonb",),
    "jsonb": ("json",),
    "cidr": ("inet",),
    "inet": ("cidr",),
    "macaddr": ("macaddr8",),
    "macaddr8": ("macaddr",),
    "bit": ("bit varying",),
    "bit varying": ("bit",),
    "money": ("numeric",),
    "name": ("text", "character", "character varying"),
}
_EXPLICIT: dict[str, tuple[str, ...]] = {
    "boolean": ("integer",),
    "integer": ("boolean", "bit", "bytea"),
    "bigint": ("bit", "bytea"),
    "smallint": ("bytea",),
    "bit": ("integer", "bigint"),
    "bytea": _INTEGERS,
    "jsonb": ("boolean", *_NUMBERS),
}
_ORDER = {name: rank for rank, name in enumerate(_INTEGERS)}


@dataclass(frozen=True, slots=True)
class Type:
    """The parts of a type's name as format_type() writes it."""

    base: str
    modifier: tuple[int, ...] = ()
    dimensions: int = 0


def parse(text: str) -> Type:
    """`timestamp(3) with time zone[]` is Type("timestamp with time zone", (3,), 1)."""
    match = _TYPE.match(text)
    if not match:
        return Type(text)
    numbers = tuple(int(part) for part in (match["modifier"] or "").split(",") if part.strip().lstrip("-").isdigit())
    base = "interval" if match["base"].startswith("interval ") else match["base"]
    return Type(base + (match["rest"] or ""), numbers, len(match["array"]) // 2)


def is_assignable(before: str, after: str) -> bool:
    """True when ALTER COLUMN TYPE needs no USING: Postgres has an assignment cast."""
    old, new = parse(before), parse(after)
    if new.base in STRINGS and not new.dimensions:
        return True
    if old.dimensions != new.dimensions:
        return False
    return (
        old.base == new.base or (old.base in STRINGS and new.base in STRINGS) or new.base in _ASSIGNED.get(old.base, ())
    )


def is_alike(before: str, after: str) -> bool:
    """True for types that compare with each other by one operator family, so that keys on both sides fit together."""
    old, new = parse(before), parse(after)
    if old.dimensions != new.dimensions:
        return False
    alike = ({*STRINGS}, {*_INTEGERS}, {_TIMESTAMP, _TIMESTAMPTZ, "date"})
    return old.base == new.base or any(old.base in family and new.base in family for family in alike)


def using(column: str, before: str, after: str, anew: bool = False) -> str:
    """The expression that turns the old value into the new, "" when Postgres knows by itself.

    anew: a type of the same name was made in place of the old one, so that the values pass through text.
    """
    if not anew and is_assignable(before, after):
        return ""
    old, new = parse(before), parse(after)
    if new.dimensions == old.dimensions + 1 and new.base == old.base:
        return f"ARRAY[{column}::text]::{after}" if anew else f"ARRAY[{column}]"
    if old.base in STRINGS and not old.dimensions:
        return f"{column}::{after}"
    if old.dimensions == new.dimensions and new.base in _EXPLICIT.get(old.base, ()):
        return f"{column}::{after}"
    text = "text" + "[]" * old.dimensions if old.dimensions == new.dimensions else "text"
    return f"{column}::{text}::{after}"


def risk(before: str, after: str) -> str:
    """What may be lost or may fail on rows when the type changes, "" for a change that keeps every value."""
    old, new = parse(before), parse(after)
    if old.base == new.base and old.dimensions == new.dimensions:
        return _narrowing(old, new)
    if new.base in STRINGS and not new.dimensions:
        return "" if not new.modifier else f"values longer than {new.modifier[0]} characters fail"
    if old.base in STRINGS:
        return f"values that are no {after} fail"
    if old.base in _ORDER and new.base in _ORDER:
        return "" if _ORDER[old.base] < _ORDER[new.base] else f"values outside of the range of {after} fail"
    if old.base in _NUMBERS and new.base in _NUMBERS:
        return _between_numbers(old, new)
    if (old.base, new.base) in _LOSSY:
        return _LOSSY[old.base, new.base]
    return "" if new.base in _ASSIGNED.get(old.base, ()) else f"values that have no counterpart in {after} fail"


def is_lossy(before: str, after: str) -> bool:
    """True when values come out changed or cut without an error."""
    return "lost" in risk(before, after)


_LOSSY = {
    (_TIMESTAMPTZ, "date"): "the time of day is lost",
    (_TIMESTAMP, "date"): "the time of day is lost",
    (_TIMESTAMPTZ, _TIME): "the date is lost",
    (_TIMESTAMP, _TIME): "the date is lost",
    (_TIMESTAMPTZ, _TIMETZ): "the date is lost",
    (_TIMESTAMPTZ, _TIMESTAMP): "the time zone is lost: values are written in the session's TimeZone",
    (_TIMESTAMP, _TIMESTAMPTZ): "values are read in the session's TimeZone",
    ("date", _TIMESTAMPTZ): "values are read in the session's TimeZone",
    (_TIMETZ, _TIME): "the time zone is lost",
    ("interval", _TIME): "whole days are lost",
    ("json", "jsonb"): "key order, doubled keys and white space of the documents are lost",
    ("inet", "cidr"): "values with bits to the right of the mask fail",
}


def _between_numbers(old: Type, new: Type) -> str:
    if new.base in _ORDER:
        return f"fractions are lost and values outside of the range of {new.base} fail"
    if new.base in ("real", "double precision") and (old.base, new.base) not in _EXACT:
        return f"digits beyond the precision of {new.base} are lost"
    if new.modifier:
        return f"values are rounded to numeric({', '.join(map(str, new.modifier))}): digits are lost, large values fail"
    return ""


_EXACT = frozenset({("smallint", "real"), ("smallint", "double precision"), ("integer", "double precision"),
                    ("real", "double precision")})  # fmt: skip


def _narrowing(old: Type, new: Type) -> str:
    if not new.modifier or new.modifier == old.modifier:
        return ""
    if new.base in STRINGS or new.base in ("bit", "bit varying"):
        grows = bool(old.modifier) and new.modifier[0] >= old.modifier[0]
        return "" if grows and new.base != "bit" else f"values longer than {new.modifier[0]} fail"
    if new.base == "numeric":
        return _narrowing_numeric(old.modifier, new.modifier)
    if old.modifier and new.modifier[0] >= old.modifier[0]:
        return ""
    return (
        "digits of the seconds are lost"
        if "time" in new.base or new.base == "interval"
        else "values that do not fit fail"
    )


def _narrowing_numeric(old: tuple[int, ...], new: tuple[int, ...]) -> str:
    scale = new[1] if len(new) > 1 else 0
    if not old:
        return f"digits beyond {scale} decimals are lost, large values fail"
    old_scale = old[1] if len(old) > 1 else 0
    if scale < old_scale:
        return f"digits beyond {scale} decimals are lost"
    return "" if new[0] - scale >= old[0] - old_scale else "large values fail"
