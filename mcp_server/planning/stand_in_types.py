"""Types, enums, domains and functions that a script expects, and made-up columns whose type does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.names import literal, quote
from mcp_server.model.stand_in import StandIn, StandInColumn, StandIns, StandInTable, is_same
from mcp_server.planning.stand_in_guess import TYPES, next_type, plain_type
from mcp_server.planning.stand_in_request import Request, written

_AN_ENUM = ("add enum value", "rename enum value")
_SHORT = {"timestamptz": "timestamp with time zone", "timestamp": "timestamp without time zone", "int": "integer"}


def type_of(request: Request, found: re.Match[str]) -> StandIns | None:
    """A type that is missing: a domain or a composite where the script alters it as one, else an enum."""
    name = written(request, found[1])
    if request.is_made(name, "create type", "create domain", "create range"):
        return None
    verbs = {one.verb for one in request.script if is_same(one.relation, name) or is_same(one.name, name)}
    if any("domain" in verb for verb in verbs):
        if verbs <= {"drop domain"}:
            return request.stand_ins.with_other(StandIn("domain", name, f"create domain {name} as text", ("text",)))
        return _with_domain(request.stand_ins, name, "text")
    if any("attribute" in verb for verb in verbs):
        return request.stand_ins.with_other(composite(name))
    return request.stand_ins.with_other(_enum(name, _labels(request, name)))


def composite(name: str) -> StandIn:
    """A composite type of one attribute."""
    return StandIn("type", name, f"create type {name} as (made_up_column integer)")


def _labels(request: Request, name: str) -> tuple[str, ...]:
    """The labels that the script expects: those that it renames."""
    told = [one.name for one in request.script if one.verb == "rename enum value" and is_same(one.relation, name)]
    return tuple(dict.fromkeys(told)) or ("made up",)


def _enum(name: str, labels: tuple[str, ...]) -> StandIn:
    return StandIn("type", name, f"create type {name} as enum ({', '.join(map(literal, labels))})", labels)


def label(request: Request, found: re.Match[str]) -> StandIns | None:
    """A label that a made-up enum lacks. Labels cannot be taken away, so it is said anew as a whole."""
    enums = [one for one in request.stand_ins.others if one.kind == "type" and " as enum " in one.sql]
    for one in enums:
        fits = not found[1] and any(is_same(action.relation, one.name) for action in request.actions)
        if fits or (found[1] and is_same(one.name, found[1])):
            if found[2] in one.tried:
                return None
            return request.stand_ins.with_other(_enum(one.name, (*one.tried, found[2])))
    return None


def _with_domain(stand_ins: StandIns, name: str, base: str, tried: tuple[str, ...] = ()) -> StandIns:
    """A domain, and a table that uses it: a domain that nothing uses hurts nobody."""
    made = stand_ins.with_other(StandIn("domain", name, f"create domain {name} as {base}", (*tried, base)))
    plain = name.rpartition(".")[2].strip('"')
    return made.with_table(StandInTable(quote(f"made_up_with_{plain}"), (StandInColumn("value", name),)))


def routine(request: Request, found: re.Match[str]) -> StandIns | None:
    """A function that nobody knows: volatile, as Postgres takes one of which nothing is said."""
    if request.knows_function:
        return other_type(request)
    name = ".".join(quote(part) for part in found[1].split("."))
    if request.is_made(name, "create function", "create procedure"):
        return None
    result = _result(request, name)
    arguments = ", ".join(
        "text" if one.strip() in ("unknown", "") else one.strip() for one in found[2].split(",") if one
    )
    if found[0].startswith("procedure"):
        sql = f"create procedure {name}({arguments}) language plpgsql as $$begin end$$"
        return request.stand_ins.with_other(StandIn("procedure", f"{name}({arguments})", sql))
    body = "$$begin return new; end$$" if result == "trigger" else "$$begin return null; end$$"
    sql = f"create function {name}({arguments}) returns {result} language plpgsql as {body}"
    return request.stand_ins.with_other(StandIn("function", f"{name}({arguments})", sql))


def _result(request: Request, name: str) -> str:
    for action in request.actions:
        if action.verb == "create trigger":
            return "trigger"
        if action.type and any(is_same(one, name) for one in action.calls):
            return plain_type(action.type)
    return "text"


def other_type(request: Request) -> StandIns | None:
    """Another type for a made-up column, or domain, that the statement names."""
    if (told := _pair(request) or _other_domain(request)) is not None:
        return told
    candidates = list(_candidates(request))
    blamed = [one for one in candidates if _short(one[1].type) in map(_short, _types_in(request.message))]
    called = set(re.findall(r"\w+", _call(request)))
    inside = [one for one in blamed if one[1].name in called]
    for table, column in inside or blamed or candidates:
        if (changed := next_type(column)) is not None:
            wanted = _wanted(request, column)
            return request.stand_ins.with_table(table.with_column(wanted or changed))
    return None


_BY_OPERATOR = {"->": "jsonb", "->>": "jsonb", "#>": "jsonb", "#>>": "jsonb", "?": "jsonb", "@>": "jsonb",
                "~~": "text", "~~*": "text", "~": "text", "~*": "text", "||": "text", "@@": "tsvector", "&&": "text[]"}  # fmt: skip
_BY_FUNCTION = (
    (re.compile(r"^jsonb_"), "jsonb"),
    (re.compile(r"^json_"), "json"),
    (re.compile(r"^(?:array_|cardinality|unnest)"), "text[]"),
    (re.compile(r"^(?:lower|upper|length|char_length|character_length|btrim|trim|substr|left|right|to_tsvector|starts_with|md5)"), "text"),
    (re.compile(r"^(?:date_trunc|date_part|extract|age|timezone)"), "timestamp with time zone"),
    (re.compile(r"^(?:abs|round|floor|ceil|sqrt|power|mod|sum|avg)"), "numeric"),
)  # fmt: skip


def _by_name(message: str) -> str:
    """The type that a function of Postgres's own takes, as far as its name says."""
    found = re.search(r"function (?:pg_catalog\.)?(\w+)\(", message)
    return next((kind for pattern, kind in _BY_FUNCTION if found and pattern.search(found[1])), "")


def _call(request: Request) -> str:
    """The arguments of the call that Postgres knows no function for."""
    found = re.search(r"function (?:pg_catalog\.)?(\w+)\(", request.message)
    told = re.search(rf"\b{re.escape(found[1])}\s*\(([^()]*)", request.sql, re.IGNORECASE) if found else None
    return told[1] if told else ""


def _pair(request: Request) -> StandIns | None:
    """The two sides of a foreign key must be of one type: the made-up one takes the other's."""
    found = re.search(r"incompatible types: (.+?) and (.+?)\.?$", request.message)
    names = re.search(r'[Kk]ey columns? "(.+?)"(?: of the referencing table)? and "(.+?)"', request.message)
    if not found or not names:
        return None
    for action in request.actions:
        for relation, name, kind in ((action.relation, names[1], found[2]), (action.references, names[2], found[1])):
            table = request.original(relation) if relation and action.references else None
            column = table.column(name) if table else None
            if table is not None and column is not None and kind not in column.tried:
                changed = replace(column, type=kind, tried=(*column.tried, column.type))
                return request.stand_ins.with_table(table.with_column(changed))
    return None


def _candidates(request: Request) -> Iterator[tuple[StandInTable, StandInColumn]]:
    words = request.words()
    for table in request.stand_ins.tables:
        for column in table.columns:
            if column.name in words and not table.key:
                yield table, column


def _types_in(message: str) -> list[str]:
    """The types that a message names, the longest names first."""
    return [
        one
        for one in sorted((*TYPES, *_SHORT), key=len, reverse=True)
        if re.search(rf"\b{re.escape(one)}(?!\w)", message)
    ]


def _short(name: str) -> str:
    return _SHORT.get(name, name)


def _wanted(request: Request, column: StandInColumn) -> StandInColumn | None:
    """The type that the message itself asks for: `must be type boolean`, `text >= integer`."""
    found = re.search(r"must be (?:of )?type (\w+)", request.message)
    sides = re.search(r"operator does not exist: (.+?) (\S+) (.+?)(?: \(|\.|$)", request.message)
    kind = found[1] if found else _by_name(request.message)
    if sides:
        other = next((one for one in (sides[1], sides[3]) if _short(one) != _short(column.type)), "")
        kind = _BY_OPERATOR.get(sides[2], "") or other
    if not kind or kind == "unknown" or _short(kind) in map(_short, (*column.tried, column.type)):
        return None
    return replace(column, type=kind, tried=(*column.tried, column.type))


def _other_domain(request: Request) -> StandIns | None:
    for one in request.stand_ins.others:
        if one.kind == "domain" and any(is_same(action.relation, one.name) for action in request.actions):
            base = next((kind for kind in TYPES if kind not in one.tried), "")
            return _with_domain(request.stand_ins, one.name, base, one.tried) if base else None
    return None
