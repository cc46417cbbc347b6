"""Documents, folded in their order, make one Spec: each table and column with all that was stated of it.

What a later document states goes before what an earlier one states, strong before middle; weak statements come last. Nothing
is lost: a column keeps every voice, so that contradictions can be told with both places.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mcp_server.model.spec import (
    STRENGTHS,
    Document,
    StatedCheck,
    StatedColumn,
    StatedIndex,
    StatedKey,
    StatedTable,
    alike,
)
from mcp_server.model.spec_changes import carried_out
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable, Voice


def fold(documents: Iterable[Document]) -> Spec:
    """The Spec of documents, in their order."""
    ordered = carried_out(sorted(documents, key=lambda one: one.order))
    voiced = [(index, table) for index, document in enumerate(ordered) for table in document.tables]
    voiced.sort(
        key=lambda one: (
            one[1].strength == "weak",
            one[1].form == "alembic",
            -one[0],
            STRENGTHS.index(one[1].strength),
            one[1].place.line,
        )
    )
    groups: dict[str, list[StatedTable]] = {}
    for _, table in voiced:
        if table.kind != "shape":
            groups.setdefault(alike(table.name), []).append(table)
    known = {name: found for name, found in groups.items() if _is_a_table(found)}
    tables = tuple(_table(name, found, ordered) for name, found in _in_order(known, ordered))
    owned = {alike(one.name): one for document in ordered for one in document.owned}
    told = tuple(
        replace(one, external=True, owner=owned[alike(one.name)].owner) if alike(one.name) in owned else one
        for one in tables
    )
    absent = tuple(
        SpecTable(
            one.name,
            "entity",
            (),
            (StatedTable(one.name, "entity", one.place, "prose", "middle", external=True),),
            external=True,
            owner=one.owner,
        )
        for name, one in owned.items()
        if name not in known
    )
    incremental = bool(ordered) and all(one.incremental for one in ordered if one.tables)
    return Spec(ordered, tuple(_resolved(one, (*told, *absent)) for one in (*told, *absent)), incremental)


def _in_order(
    groups: dict[str, list[StatedTable]], documents: Sequence[Document]
) -> list[tuple[str, list[StatedTable]]]:
    """Tables as a reader meets them."""
    first: dict[str, int] = {}
    for table in (table for document in documents for table in sorted(document.tables, key=lambda one: one.place.line)):
        first.setdefault(alike(table.name), len(first))
    return sorted(groups.items(), key=lambda one: first[one[0]])


def _is_a_table(stated: Sequence[StatedTable]) -> bool:
    """Whether statements of one name are of a table, and not of what a program holds in memory."""
    if any(one.form in ("sql", "alembic", "dbml") or (one.form == "classes") for one in stated if not one.adds):
        return True
    if any(one.adds and one.columns and one.form in ("sql", "bullets", "column table") for one in stated):
        return True  # it is changed, so that it stands already
    return any(one.has_key for one in stated)


def _table(name: str, stated: Sequence[StatedTable], documents: Sequence[Document]) -> SpecTable:
    columns: dict[str, list[Voice]] = {}
    loud = [one for one in stated if one.strength != "weak"]
    for table in loud or stated:
        for column in table.columns:
            columns.setdefault(column.name.lower(), []).append(Voice(column, table.form, table.strength))
    named = next((one for one in stated if one.kind == "table"), stated[0])
    indexes = tuple(one for document in documents for one in document.indexes if alike(one.table) == name)
    found = SpecTable(
        name=named.name,
        kind=named.kind,
        columns=tuple(SpecColumn(voices[0].column.name, tuple(voices)) for voices in columns.values()),
        stated=tuple(stated),
        key=next((one.key for one in stated if one.key), ()),
        checks=_once(one for document in documents for one in document.checks if alike(one.table) == name),
        keys=tuple(one for document in documents for one in document.keys if alike(one.table) == name),
        external=any(one.external for one in stated),
        weak=all(one.strength == "weak" for one in stated),
        lists_indexes=any(
            one.form in ("sql", "index table", "index list") and not one.name.startswith("uq")
            for one in indexes
            if not _is_inline(one)
        ),
    )
    return replace(found, indexes=_distinct(_with_nameless(found, indexes, documents)))


def _is_inline(index: StatedIndex) -> bool:
    """Whether it is a uniqueness that a table's statement holds."""
    return index.unique and index.form == "sql" and not index.name


def _with_nameless(
    table: SpecTable, indexes: tuple[StatedIndex, ...], documents: Sequence[Document]
) -> Iterator[StatedIndex]:
    """Its indexes, those of no named table that fit only this one, and those that its columns' words ask for."""
    yield from indexes
    names = {one.name.lower() for one in table.columns}
    for document in documents:
        for one in document.indexes:
            if (
                not one.table
                and names.issuperset(name.lower() for name in one.columns)
                and _fits_alone(one, document, table)
            ):
                yield replace(one, table=table.name)
    for column in table.columns:
        unique, indexed = column.voice("unique"), column.voice("indexed")
        if unique and not column.is_key:
            yield StatedIndex(table.name, (column.name,), unique.place, unique.form, unique.strength, unique=True)
        if indexed and not column.is_key:
            yield StatedIndex(table.name, (column.name,), indexed.place, indexed.form, indexed.strength)


def _fits_alone(index: StatedIndex, document: Document, table: SpecTable) -> bool:
    fitting = {
        alike(one.name)
        for one in document.tables
        if one.kind != "shape"
        and {name.lower() for name in index.columns} <= {column.name.lower() for column in one.columns}
    }
    return fitting == {alike(table.name)}


def _distinct(indexes: Iterable[StatedIndex]) -> tuple[StatedIndex, ...]:
    """Each index once, by its keys; a unique one stands for a plain one of the same keys."""
    found: dict[tuple[str, ...], StatedIndex] = {}
    for one in indexes:
        key = (*(text.lower().replace('"', "") for text in one.keys), one.predicate, one.method)
        known = found.get(key)
        if known is None or (one.unique and not known.unique):
            found[key] = _with(one, known) if known else one
        else:
            found[key] = _with(known, one)
    return tuple(found.values())


def _with(index: StatedIndex, other: StatedIndex) -> StatedIndex:
    """An index with the name and the purpose that only another statement of it has."""
    return replace(index, name=index.name or other.name, purpose=index.purpose or other.purpose)


def _once(checks: Iterable[StatedCheck]) -> tuple[StatedCheck, ...]:
    """Each check once: those with SQL by it, those that are told only where no SQL demands the same."""
    found: dict[str, StatedCheck] = {}
    listed = list(checks)
    for one in listed:
        if one.expression:
            found.setdefault("".join(one.expression.lower().split()).strip("()"), one)
    demand = re.compile(r"> *0|>= *1|<> *''|!= *''|between 1|\btrim\b", re.I)
    spoken = {column.lower() for one in found.values() for column in one.columns if demand.search(one.expression)}
    for one in listed:
        if not one.expression and not spoken.issuperset(name.lower() for name in one.columns):
            found.setdefault(f"{one.wording} {one.columns}", one)
    return tuple(found.values())


def _resolved(table: SpecTable, tables: Sequence[SpecTable]) -> SpecTable:
    """The table with its keys joined to their columns, and every reference led to a table of the Spec where one is meant."""
    columns = tuple(_led(column, table, tables) for column in table.columns)
    return replace(table, columns=columns)


def _led(column: SpecColumn, table: SpecTable, tables: Sequence[SpecTable]) -> SpecColumn:
    voices = [_leading(voice, column, tables) for voice in column.voices]
    for key in table.keys:
        if key.denied:
            continue
        if tuple(name.lower() for name in key.columns) == (column.name.lower(),):
            spoken = StatedColumn(column.name, key.place, reference=key.reference)
            voices.append(_leading(Voice(spoken, key.form, key.strength), column, tables))
        elif not key.columns:
            voices = [_ruled(voice, key) for voice in voices]
    return replace(column, voices=tuple(voices))


def _ruled(voice: Voice, key: StatedKey) -> Voice:
    """What is told of rows when their parent is deleted, given to the column that leads to that parent."""
    known = voice.column.reference
    if known is None or known.on_delete or alike(known.table) != alike(key.reference.table):
        return voice
    return replace(voice, column=replace(voice.column, reference=replace(known, on_delete=key.reference.on_delete)))


def _leading(voice: Voice, column: SpecColumn, tables: Sequence[SpecTable]) -> Voice:
    known = voice.column.reference
    if known is None:
        return voice
    wanted = known.table or column.name.removesuffix("_id").removesuffix("Id")
    if not known.table and alike(wanted) not in {alike(one.name) for one in tables}:
        return voice
    found = next((one for one in tables if one.name == wanted), None) or next(
        (one for one in tables if alike(one.name) == alike(wanted)), None
    )
    name = found.name if found and found.kind == "table" else wanted
    return replace(voice, column=replace(voice.column, reference=replace(known, table=name)))
