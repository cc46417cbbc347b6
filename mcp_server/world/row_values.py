"""Values to fill a column with, as text that Postgres reads: edges first, then as many distinct ones as are wanted.

Edges are what real tables hold sooner or later: nothing, the longest, quotes and other scripts, extremes, leap days.
Infinity and NaN are left out: few applications mean them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from mcp_server.model.schema import Composite, Domain, Enum, Range, Schema

DAYS = ("2024-02-29", "1970-01-01", "1999-12-31", "1900-03-01", "2100-12-31")
TIMES = ("00:00:00", "23:59:59.999999", "12:30:00")
TEXTS = ("", "a", 'O\'Brien "said" \\ so', "Größe 日本 🎉", " spaces around ", "NULL", "0", "line\nbreak\ttab")
LONG = 300
LISTED = 3
_MODIFIED = re.compile(r"(?P<before>[^(]+)\((?P<first>\d+)(?:,(?P<second>-?\d+))?\)(?P<after>.*)\Z")
_SUBTYPE = re.compile(r"subtype = ([^,]+?)\s*(?:,|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Types:
    """A Schema's own types, by identity."""

    named: Mapping[str, Enum | Domain | Composite | Range]

    @classmethod
    def of(cls, schema: Schema) -> Types:
        kinds: tuple[type[Any], ...] = (Enum, Domain, Composite, Range)
        return cls({item.identity: item for kind in kinds for item in schema.all(kind)})

    def base(self, type_name: str) -> str:
        """What a domain is made of, through all domains; any other type itself."""
        known = self.named.get(type_name)
        return self.base(known.type) if isinstance(known, Domain) else type_name

    def checks(self, type_name: str) -> tuple[str, ...]:
        """The checks of a domain, and of the domains that it is made of, as SQL."""
        known = self.named.get(type_name)
        if not isinstance(known, Domain):
            return ()
        return (*(one.definition for one in known.constraints), *self.checks(known.type))

    def is_nullable(self, type_name: str) -> bool:
        """Whether no domain on the way forbids NULL."""
        known = self.named.get(type_name)
        return not isinstance(known, Domain) or (known.nullable and self.is_nullable(known.type))


@dataclass(frozen=True, slots=True)
class _Type:
    """A type's name without its modifiers, which follow: numeric(10,2) is numeric, 10, 2. 0 for none."""

    name: str
    first: int = 0
    second: int = 0


def values(type_name: str, types: Types, wanted: int) -> tuple[str, ...]:
    """At most `wanted` + edges distinct values of a type, as Postgres's format_type() names it; () for an unknown one."""
    if type_name.endswith("[]"):
        return _arrays(values(type_name.removesuffix("[]"), types, wanted), wanted)
    known = types.named.get(type_name)
    match known:
        case Enum():
            return known.values
        case Domain():
            return values(known.type, types, wanted)
        case Composite():
            return _records([values(one.type, types, wanted) for one in known.attributes], wanted)
        case Range():
            found = _SUBTYPE.search(known.definition)
            return _ranges(values(found[1], types, wanted), wanted) if found else ()
    parsed = _parsed(type_name)
    make = _MAKERS.get(parsed.name) or _MAKERS.get(parsed.name.rpartition(".")[2])
    return tuple(dict.fromkeys(make(parsed, wanted))) if make else ()


def _parsed(type_name: str) -> _Type:
    match = _MODIFIED.match(type_name)
    if match is None:
        return _Type("interval" if type_name.startswith("interval") else type_name)
    name = (match["before"] + match["after"]).strip()
    return _Type("interval" if name.startswith("interval") else name, int(match["first"]), int(match["second"] or 0))


def _integers(low: int, high: int) -> Callable[[_Type, int], list[str]]:
    edges = [0, 1, -1, low, high]
    return lambda _, wanted: [str(one) for one in (*edges, *range(2, min(wanted, high - 1) + 2))]


def _numerics(given: _Type, wanted: int) -> list[str]:
    if not given.first:
        return ["0", "-1.5", "12345678901234567890.123456789", *(f"{one}.25" for one in range(1, wanted + 1))]
    digits, scale = given.first, max(given.second, 0)
    longest = "9" * max(digits - scale, 0) or "0"
    fraction = "." + "9" * scale if scale else ""
    top = f"{longest}{fraction}" + "0" * max(-given.second, 0)
    least = "0." + "0" * (scale - 1) + "1" if scale else "1" + "0" * max(-given.second, 0)
    room = 10 ** max(digits - scale, 0) if given.second >= 0 else 0
    return ["0", top, f"-{top}", least, *(str(one) for one in range(2, min(wanted + 2, room)))]


def _texts(given: _Type, wanted: int) -> list[str]:
    room = given.first or LONG
    longest = ("long " * room)[: room - 1] + "x" if room > 1 else "x"
    ordinals = (f"t{one}" for one in range(wanted))
    return [one[:room] for one in (TEXTS[1], longest, *TEXTS[2:], TEXTS[0], *ordinals)]


def _characters(given: _Type, wanted: int) -> list[str]:
    """Padded with blanks by Postgres, so that trailing ones are no part of the value."""
    room = given.first or 1
    return [one[:room].rstrip() for one in ("a", "z" * room, "0", "", *(f"{one:x}" for one in range(wanted)))]


def _days(_: _Type, wanted: int) -> list[str]:
    return [*DAYS, *(_day(one) for one in range(wanted))]


def _day(number: int) -> str:
    return f"{2001 + number // 336:04}-{1 + number // 28 % 12:02}-{1 + number % 28:02}"


def _moments(zone: str) -> Callable[[_Type, int], list[str]]:
    def make(_: _Type, wanted: int) -> list[str]:
        edges = [f"{day} {TIMES[number % len(TIMES)]}{zone}" for number, day in enumerate(DAYS)]
        return [*edges, *(f"{_day(one)} 08:{one % 60:02}:00{zone}" for one in range(wanted))]

    return make


def _times(zone: str) -> Callable[[_Type, int], list[str]]:
    return lambda _, wanted: [
        one + zone for one in (*TIMES, *(f"{one // 60 % 24:02}:{one % 60:02}:01" for one in range(wanted)))
    ]


def _uuids(_: _Type, wanted: int) -> list[str]:
    edges = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
    return [*edges, *(f"00000000-0000-4000-8000-{one:012x}" for one in range(1, wanted + 1))]


def _documents(_: _Type, wanted: int) -> list[str]:
    edges = ["{}", "[]", '{"a": {"b": [1, null, "O\'Brien"]}}', '"text"', "null", "0"]
    return [*edges, *(f'{{"number": {one}}}' for one in range(wanted))]


def _bits(given: _Type, wanted: int) -> list[str]:
    room = given.first or 1
    return [format(one % 2**room, f"0{room}b") for one in (0, 2**room - 1, *range(min(wanted, 2**room)))]


def _fixed(*texts: str, more: str = "") -> Callable[[_Type, int], list[str]]:
    """more: a form of further ones, with `{n}` (a number) and `{h}` (the same in two hexadecimal digits)."""
    return lambda _, wanted: [*texts, *(more.format(n=one, h=f"{one:02x}") for one in range(wanted if more else 0))]


def _of_ranges(make: Callable[[_Type, int], list[str]]) -> Callable[[_Type, int], tuple[str, ...]]:
    return lambda given, wanted: _ranges(tuple(dict.fromkeys(make(given, wanted))), wanted)


def _of_multiranges(make: Callable[[_Type, int], list[str]]) -> Callable[[_Type, int], list[str]]:
    ranges = _of_ranges(make)
    return lambda given, wanted: ["{}", *("{" + one + "}" for one in ranges(given, wanted) if one != "empty")]


def _numbers(_: _Type, wanted: int) -> list[str]:
    return [str(one) for one in range(wanted + 1)]


def _ranges(bounds: tuple[str, ...], wanted: int) -> tuple[str, ...]:
    """Ranges that do not overlap, then one that is empty. bounds: of the type within, the ordered ones last."""
    ordered = bounds[-wanted - 1 :]
    return (*(f"[{_quoted(low)},{_quoted(high)})" for low, high in islice(pairwise(ordered), wanted)), "empty")


def _arrays(elements: tuple[str, ...], wanted: int) -> tuple[str, ...]:
    if not elements:
        return ("{}",)
    some = ",".join(_quoted(one) for one in elements[:LISTED])
    ones = ("{" + _quoted(one) + "}" for one in elements[:wanted])
    return tuple(dict.fromkeys(("{}", "{" + some + "}", "{NULL}", *ones)))


def _records(attributes: list[tuple[str, ...]], wanted: int) -> tuple[str, ...]:
    rows = []
    for number in range(wanted):
        parts = (_quoted(one[number % len(one)]) if one else "" for one in attributes)
        rows.append("(" + ",".join(parts) + ")")
    return tuple(dict.fromkeys(rows))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_DATE, _PLAIN, _ZONED = _days, _moments(""), _moments("+00")
_MAKERS: dict[str, Callable[[_Type, int], Any]] = {
    "smallint": _integers(-(2**15), 2**15 - 1),
    "integer": _integers(-(2**31), 2**31 - 1),
    "bigint": _integers(-(2**63), 2**63 - 1),
    "numeric": _numerics,
    "real": _fixed("0", "-1.5", "3.4e37", more="{n}.5"),
    "double precision": _fixed("0", "-1.5", "1.7e307", more="{n}.5"),
    "money": _fixed("0", "-1.50", more="{n}.25"),
    "boolean": _fixed("true", "false"),
    "text": _texts,
    "citext": _texts,
    "character varying": _texts,
    "character": _characters,
    '"char"': _fixed("a", "z"),
    "name": _fixed("a", "name", more="n{n}"),
    "date": _DATE,
    "timestamp without time zone": _PLAIN,
    "timestamp with time zone": _ZONED,
    "time without time zone": _times(""),
    "time with time zone": _times("+00"),
    "interval": _fixed("0", "1 day", "-1 mon", "1 year 2 mons 3 days 04:05:06", more="{n} hours"),
    "uuid": _uuids,
    "json": _documents,
    "jsonb": _documents,
    "bytea": _fixed("\\x", "\\x00ff27", more="\\x00{h}"),
    "bit": _bits,
    "bit varying": _bits,
    "inet": _fixed("0.0.0.0/0", "::1", "10.0.0.0/8", more="10.1.0.{n}"),
    "cidr": _fixed("0.0.0.0/0", "::/0", "10.0.0.0/8", more="10.1.{n}.0/24"),
    "macaddr": _fixed("00:00:00:00:00:00", more="08:00:2b:01:02:{h}"),
    "macaddr8": _fixed("00:00:00:00:00:00:00:00", more="08:00:2b:01:02:03:04:{h}"),
    "point": _fixed("(0,0)", "(-1.5,2)", more="({n},1)"),
    "line": lambda given, wanted: [f"{{{one},-1,0}}" for one in range(1, wanted + 1)],
    "lseg": _fixed("[(0,0),(1,1)]", more="[(0,0),({n},2)]"),
    "box": _fixed("(1,1),(0,0)", more="({n},2),(0,0)"),
    "path": _fixed("[(0,0),(1,1)]", "((0,0),(1,1),(1,0))"),
    "polygon": _fixed("((0,0),(1,1),(1,0))", more="((0,0),({n},2),(2,0))"),
    "circle": _fixed("<(0,0),1>", more="<({n},0),1>"),
    "tsvector": _fixed("", "'a' 'b'", more="'w{n}'"),
    "tsquery": _fixed("'a'", more="'w{n}'"),
    "xml": _fixed("<a/>", more='<a n="{n}"/>'),
    "oid": _numbers,
    "xid8": _numbers,
    "pg_lsn": _fixed("0/0", more="0/{n}"),
    "hstore": _fixed("", '"a"=>"1"', more='"n"=>"{n}"'),
    "ltree": _fixed("a", "a.b", more="a.n{n}"),
    "vector": lambda given, wanted: ["[" + ",".join([str(one)] * (given.first or 3)) + "]" for one in range(wanted)],
    "int4range": _of_ranges(_numbers),
    "int8range": _of_ranges(_numbers),
    "numrange": _of_ranges(_numbers),
    "daterange": _of_ranges(lambda given, wanted: [_day(one) for one in range(wanted + 1)]),
    "tsrange": _of_ranges(lambda given, wanted: [_day(one) for one in range(wanted + 1)]),
    "tstzrange": _of_ranges(lambda given, wanted: [_day(one) + " 00:00:00+00" for one in range(wanted + 1)]),
    "int4multirange": _of_multiranges(_numbers),
    "int8multirange": _of_multiranges(_numbers),
    "nummultirange": _of_multiranges(_numbers),
    "datemultirange": _of_multiranges(lambda given, wanted: [_day(one) for one in range(wanted + 1)]),
    "tsmultirange": _of_multiranges(lambda given, wanted: [_day(one) for one in range(wanted + 1)]),
    "tstzmultirange": _of_multiranges(lambda given, wanted: [_day(one) for one in range(wanted + 1)]),
}
