"""The type of a column, where the spec leaves it open or allows for several."""

from __future__ import annotations

from dataclasses import replace

from mcp_server.model.design import Decision, Topic
from mcp_server.model.naming import is_moment, is_money
from mcp_server.model.spec import SpecType, alike
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable, said

ZONED = "timestamp with time zone"
NAMES = {"character varying": "varchar", ZONED: "timestamptz"}


def settle_type(column: SpecColumn, table: SpecTable, spec: Spec, decisions: list[Decision]) -> SpecColumn:
    """The column with one type that is the first of those that fit."""

    def taken(topic: Topic, words: str, type: SpecType) -> SpecColumn:
        decisions.append(Decision(topic, table.name, column.name, words, column.place))
        return said(column, type=type)

    type = column.type
    if type is None:
        guessed = _guessed(column, table, spec)
        return taken("type", _worded(guessed), guessed)
    searched = any(one.method == "gin" and column.name.lower() in one.columns for one in table.indexes)
    if type.fits == ("json",) and searched:
        return taken("json", "jsonb: only within that an index searches", replace(type, fits=("jsonb",)))
    if "jsonb" in type.fits[1:]:
        return taken("json", "jsonb", replace(type, fits=("jsonb",)))
    if ZONED in type.fits[1:]:
        return taken("time zone", "timestamptz", replace(type, fits=(ZONED,)))
    if "numeric" in type.fits[1:] and is_money(column.name):
        return taken("type", "numeric(12, 2), because it is money", replace(type, fits=("numeric",), arguments="12,2"))
    if type.fits[0] == "enum" and not type.values:
        return taken("values", "text: the values are not stated", replace(type, fits=("text",), unbounded=True))
    led = _target_type(column, spec)
    if led is not None and type.fits[0] != led.fits[0] and any(_alike(one, led.fits[0]) for one in type.fits[1:]):
        return taken("type", f"{_worded(led)}, as the key that it leads to", replace(led, automatic=False))
    if len(type.fits) > 1:
        return taken("type", NAMES.get(type.fits[0], type.fits[0]), replace(type, fits=type.fits[:1]))
    return column


def _guessed(column: SpecColumn, table: SpecTable, spec: Spec) -> SpecType:
    """What a column is likely to be of which no type is stated: as the key that it leads to or that leads here, else by its name."""
    is_key = tuple(name.lower() for name in table.primary_key) == (column.name.lower(),)
    led = _target_type(column, spec) or (leading_type(table, spec) if is_key else None)
    if led is not None:
        return replace(led, automatic=False)
    if is_moment(column.name):
        return SpecType("", (ZONED,))
    bound = max(column.bounds, default=None)
    return SpecType("", ("character varying",), length=bound) if bound else SpecType("", ("text",), unbounded=True)


def _target_type(column: SpecColumn, spec: Spec) -> SpecType | None:
    led = column.reference.column.reference if column.reference else None
    target = spec.table(led.table) if led and led.table else None
    if led is None or target is None:
        return None
    name = led.column or (target.primary_key[0] if len(target.primary_key) == 1 else "id")
    found = target.column(name)
    return found.type if found else None


def leading_type(table: SpecTable, spec: Spec) -> SpecType | None:
    """The type of the first column elsewhere that leads to this table."""
    for other in spec.tables:
        for column in other.columns:
            led = column.reference.column.reference if column.reference else None
            if led is not None and alike(led.table) == alike(table.name) and column.type is not None:
                return replace(column.type, fits=column.type.fits[:1])
    return None


def _alike(one: str, other: str) -> bool:
    return one == other or {one, other} <= {"text", "character varying"}


def _worded(type: SpecType) -> str:
    name = NAMES.get(type.fits[0], type.fits[0])
    return f"{name}({type.length})" if type.length else name
