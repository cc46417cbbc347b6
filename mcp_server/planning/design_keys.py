"""Foreign keys and indexes, where the spec leaves them open: what they lead to, what becomes of their rows, what serves them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from mcp_server.model.design import Decision
from mcp_server.model.naming import names_of, stem
from mcp_server.model.spec import Reference, SpecType, StatedColumn, StatedIndex, StatedTable, alike, index_name
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable, Voice, name_in_sql, said


def settle_keys(spec: Spec) -> tuple[Spec, list[Decision]]:
    """A Spec whose foreign keys all lead somewhere, say what becomes of their rows, and have an index."""
    decisions: list[Decision] = []
    linked = tuple(_linked(table, spec, decisions) for table in spec.tables)
    whole = _with_stubs(replace(spec, tables=linked), decisions)
    taken: set[str] = set()
    served = []
    for table in whole.tables:
        found = table if table.external else _served(table, decisions)
        served.append(_with_names(found, name_in_sql(found, whole), taken, decisions))
    return replace(whole, tables=tuple(served)), decisions


def _with_names(table: SpecTable, called: str, taken: set[str], decisions: list[Decision]) -> SpecTable:
    """The table with a name of its own for every index; documents give one name to two."""
    indexes = []
    for index in table.indexes:
        name = index_name(index, called)
        if name in taken:
            number = next(number for number in count(2) if f"{name}_{number}" not in taken)
            name = f"{name}_{number}"
            if index.name:
                decisions.append(
                    Decision("name", table.name, ",".join(index.keys), f"{name}: its own is given twice", index.place)
                )
            index = replace(index, name=name)
        taken.add(name)
        indexes.append(index)
    return replace(table, indexes=tuple(indexes))


def _linked(table: SpecTable, spec: Spec, decisions: list[Decision]) -> SpecTable:
    if table.external:
        return table
    return replace(table, columns=tuple(_led(column, table, spec, decisions) for column in table.columns))


def _led(column: SpecColumn, table: SpecTable, spec: Spec, decisions: list[Decision]) -> SpecColumn:
    voice = column.reference
    led = voice.column.reference if voice else None
    if led is None:
        target = named_by(column, table, spec)
        if target is None:
            return column
        led = Reference(name_in_sql(target, spec), target.primary_key[0])
        taken = f"REFERENCES {led.table} ({led.column}), which its name says"
        decisions.append(Decision("foreign key", table.name, column.name, taken, column.place))
    elif not led.table:
        why = "none: the table that it leads to is not said"
        decisions.append(Decision("foreign key", table.name, column.name, why, column.place))
        return column
    if not led.on_delete:
        led = replace(led, on_delete="restrict")
        decisions.append(
            Decision("on delete", table.name, column.name, "RESTRICT", voice.place if voice else column.place)
        )
    return said(column, reference=led)


def named_by(column: SpecColumn, table: SpecTable, spec: Spec) -> SpecTable | None:
    """The table of the spec that a column refers to by its name and its type alone; None where DDL leaves the key out on purpose."""
    thing = stem(column.name)
    names = {one.name.lower() for one in table.columns}
    if not thing or {f"{thing}_type", f"{thing}type"} & names or any(one.form == "sql" for one in column.voices):
        return None
    denied = [key for document in spec.documents for key in document.keys if key.denied]
    if any(key.denied for key in table.keys) or any(
        not key.table and alike(key.reference.table) == alike(thing) for key in denied
    ):
        return None
    target = next((one for one in spec.tables if name_in_sql(one, spec).lower() in names_of(thing)), None)
    if target is None or target is table or len(target.primary_key) != 1:
        return None
    key = target.column(target.primary_key[0])
    same = (
        key is not None and key.type is not None and column.type is not None and key.type.fits[0] == column.type.fits[0]
    )
    return target if same else None


def _with_stubs(spec: Spec, decisions: list[Decision]) -> Spec:
    """The Spec with the key of every table that ours refer to and that is stated elsewhere, or nowhere."""
    tables = {one.name: one for one in spec.tables}
    for column, led in list(_outward(spec)):
        found = next((one for one in tables.values() if one.name == led.table), None)
        found = found or next((one for one in tables.values() if alike(one.name) == alike(led.table)), None)
        name = led.column or (found.primary_key[0] if found and len(found.primary_key) == 1 else "id")
        if found is None:
            place = column.reference.place if column.reference else column.place
            decisions.append(
                Decision("owner", led.table, "", "taken for a table that others own: no document states it", place)
            )
        tables[found.name if found else led.table] = _stub(found, led.table, name, column)
    return replace(spec, tables=tuple(tables.values()))


def _outward(spec: Spec) -> Iterator[tuple[SpecColumn, Reference]]:
    """The references that lead to a table which is not ours."""
    for table in spec.tables:
        for column in () if table.external else table.columns:
            led = column.reference.column.reference if column.reference else None
            target = spec.table(led.table) if led and led.table else None
            if led is not None and led.table and (target is None or target.external):
                yield column, led


def _stub(found: SpecTable | None, name: str, key: str, column: SpecColumn) -> SpecTable:
    """The table with the column that a key of ours refers to, of the type that ours has where it states none."""
    place = column.reference.place if column.reference else column.place
    if found is None:
        stated = (StatedTable(name, "table", place, "prose", "middle", external=True),)
        found = SpecTable(name, "table", (), stated, external=True)
    known = found.column(key)
    if known is not None and known.type is not None:
        return found if found.primary_key else replace(found, key=(known.name,))
    type = replace(column.type, automatic=False) if column.type else SpecType("", ("text",), unbounded=True)
    voice = Voice(StatedColumn(key, place, type=type, nullable=False), "prose", "strong")
    rest = tuple(one for one in found.columns if one is not known)
    return replace(found, columns=(SpecColumn(key, (voice,)), *rest), key=found.primary_key or (key,))


def _served(table: SpecTable, decisions: list[Decision]) -> SpecTable:
    """The table with an index for every foreign key, and none that its primary key makes needless."""
    key = tuple(name.lower() for name in table.primary_key)
    kept = []
    for index in table.indexes:
        if tuple(name.lower() for name in index.keys) == key and not index.predicate and index.method in ("", "btree"):
            decisions.append(
                Decision("index", table.name, ",".join(index.keys), "none: it is the primary key's", index.place)
            )
        else:
            kept.append(index)
    for column in table.columns:
        led = column.reference.column.reference if column.reference else None
        if led is None or not led.table or _is_served(column.name.lower(), key, kept):
            continue
        added = StatedIndex(table.name, (column.name,), column.place, "prose", "middle")
        decisions.append(Decision("index", table.name, column.name, "added: it serves the foreign key", column.place))
        kept.append(added)
    return replace(table, indexes=tuple(kept))


def _is_served(name: str, key: tuple[str, ...], indexes: list[StatedIndex]) -> bool:
    starts = (
        one.columns[0].lower() for one in indexes if not one.predicate and one.method in ("", "btree") and one.columns
    )
    return key[:1] == (name,) or name in starts
