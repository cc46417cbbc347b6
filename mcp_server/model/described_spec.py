"""A Spec in the shape in which sources are compared: what its documents leave open stays open."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.described import Described, DescribedCheck, DescribedColumn, DescribedIndex, DescribedTable
from mcp_server.model.names import quote
from mcp_server.model.schema import Constraint, Schema
from mcp_server.model.spec import StatedIndex, alike
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable, name_in_sql


def describe_spec(spec: Spec, schema: Schema | None = None, word: str = "spec") -> Described:
    """A Spec, described. schema: the same made real, which gives the checks in Postgres's own words."""
    return Described(word, tuple(_stated_table(one, spec, schema) for one in spec.tables), True, spec.incremental)


def _stated_table(table: SpecTable, spec: Spec, schema: Schema | None) -> DescribedTable:
    denied = any(key.denied for key in table.keys)
    others = [key for document in spec.documents for key in document.keys if key.denied and not key.table]
    columns = tuple(
        _stated_column(one, table, denied, [alike(key.reference.table) for key in others]) for one in table.columns
    )
    primary = tuple(name.lower() for name in table.primary_key)
    indexes = tuple(_stated_index(one) for one in table.indexes)
    if primary:
        indexes += (DescribedIndex("", primary, True, primary=True, place=table.place),)
    return DescribedTable(
        name=table.name,
        place=table.place,
        columns=columns,
        indexes=indexes,
        checks=tuple(_stated_checks(table, spec, schema)),
        named=table.kind == "table",
        whole=table.lists_indexes,
        external=table.external,
        owner=table.owner,
        weak=table.weak,
        partial=table.partial,
    )


def _stated_index(index: StatedIndex) -> DescribedIndex:
    keys = tuple(key if " " in key or "(" in key else key.strip('"') for key in index.keys)
    return DescribedIndex(index.name, keys, index.unique, index.predicate, index.method, place=index.place)


def _stated_column(column: SpecColumn, table: SpecTable, denied: bool, refused: list[str]) -> DescribedColumn:
    type, nullable, default, reference = column.type, column.nullable, column.default, column.reference
    led = reference.column.reference if reference else None
    target = led.table if led else ""
    given = default.column.default if default and default.column.given else None
    place = next((voice.place for voice in column.voices if voice.column.type), column.place)
    is_key = column.name.lower() in {name.lower() for name in table.primary_key}
    return DescribedColumn(
        name=column.name,
        place=place,
        types=tuple(f"{fit}[]" for fit in type.fits) if type and type.is_array else type.fits if type else (),
        written=type.written if type else "",
        arguments=type.arguments if type and type.fits[0] in ("numeric", "vector") else "",
        enumerated=True if type and type.fits == ("enum",) else False if type and type.values else None,
        values=type.values if type else (),
        length=type.length if type and not type.unbounded else None,
        bounds=column.bounds,
        unbounded=bool(type and type.unbounded),
        nullable=False if is_key else nullable.column.nullable if nullable else None,
        silent=bool(nullable and nullable.column.silent),
        required=any(one.column.nullable is False and one.form != "classes" for one in column.voices),
        primary_key=is_key,
        default=default.column.default if default and not default.column.given else None,
        given=given,
        references=target or ("?" if led else ""),
        referenced_column=led.column if led else "",
        on_delete=led.on_delete if led else "",
        denied=denied or (bool(refused) and (alike(target) in refused or "" in refused)),
        follows=True if column.voice("on_update") else None,
        spoken=any(voice.form == "sql" for voice in column.voices),
    )


def _stated_checks(table: SpecTable, spec: Spec, schema: Schema | None) -> Iterator[DescribedCheck]:
    identity = f"public.{quote(name_in_sql(table, spec))}"
    real = {one.name: one for one in schema.on(identity, Constraint)} if schema else {}
    for number, check in enumerate(checks_of(table)):
        made = real.get(check_name(number, check.name))
        columns = check.columns or (made.columns if made else ())
        yield DescribedCheck(check.name, columns, made.expression if made else check.sql, check.wording, check.place)


def checks_of(table: SpecTable) -> tuple[DescribedCheck, ...]:
    """All checks that are stated of a table, those beside a column among them, each once."""
    listed = [DescribedCheck(one.name, one.columns, one.expression, one.wording, one.place) for one in table.checks]
    for column in table.columns:
        voice = column.voice("check")
        if voice:
            listed.append(DescribedCheck("", (column.name,), voice.column.check, "", voice.place))
    found: dict[str, DescribedCheck] = {}
    for one in listed:
        found.setdefault(re.sub(r"[\s()\"]", "", one.sql).lower() or f"{one.wording}{one.columns}", one)
    return tuple(found.values())


def check_name(number: int, name: str) -> str:
    """The name under which a check is made real."""
    return f"{name or 'stated_check'}_{number}"
