"""A Spec -> the same Spec with everything settled that it leaves open, and what was decided for it.

What is stated stays as it is stated, also where a rule speaks against it: then the spec is to be changed first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mcp_server.model.design import Decision, Topic
from mcp_server.model.names import quote
from mcp_server.model.naming import is_change, is_creation
from mcp_server.model.spec import Reference, SpecType, StatedCheck, StatedColumn, alike
from mcp_server.model.spec_table import Spec, SpecColumn, SpecTable, Voice, name_in_sql, said
from mcp_server.planning.design_keys import settle_keys
from mcp_server.planning.design_types import leading_type, settle_type

ONLY_ADDED = "only additions to it are stated, and it is stated whole nowhere"
_NUMBERS = ("integer", "bigint", "smallint")


@dataclass(frozen=True, slots=True)
class Settled:
    """A Spec with nothing open in what is to be made. left_out: tables that are stated and not made."""

    spec: Spec
    decisions: tuple[Decision, ...]
    left_out: tuple[Decision, ...] = ()


def settle(spec: Spec, external: Iterable[str] = ()) -> Settled:
    """Settle a Spec. external: names of tables, as [tool.dbarch] has them, that others own besides those the spec names."""
    owned = replace(spec, tables=tuple(_owned(one, frozenset(external), spec) for one in spec.tables))
    kept, left_out = _chosen(owned)
    made = replace(owned, tables=kept)
    decisions: list[Decision] = []
    tables = []
    for table in kept:
        settled, more = (table, ()) if table.external else settle_table(table, made)
        if not table.external and table.kind == "entity":
            called = name_in_sql(table, made)
            decisions.append(Decision("name", table.name, "", f"the table is called {called}", table.place))
        tables.append(settled)
        decisions += more
    keyed, more = settle_keys(replace(made, tables=tuple(tables)))
    return Settled(keyed, (*decisions, *more), left_out)


def _owned(table: SpecTable, external: frozenset[str], spec: Spec) -> SpecTable:
    named = name_in_sql(table, spec) in external or table.name in external
    return replace(table, external=True) if named else table


def _chosen(spec: Spec) -> tuple[tuple[SpecTable, ...], tuple[Decision, ...]]:
    """The tables that are made, and those that are not: only added to, or sketched where others are stated."""
    sketches_only = all(one.weak for one in spec.tables if one.columns and not one.external)
    wanted = {alike(led.table) for table in spec.tables for led in _references(table)}
    known = {alike(one.name) for one in spec.tables}
    kept: list[SpecTable] = []
    left_out = [
        Decision("table", one.name, "", ONLY_ADDED, one.place)
        for document in spec.documents
        for one in document.tables
        if one.adds and one.form in ("sql", "alembic") and alike(one.name) not in known
    ]
    for table in spec.tables:
        why = ""
        if table.external or not table.columns:
            pass
        elif table.partial and not any(one.has_key for one in table.stated):
            why = ONLY_ADDED
        elif table.weak and not sketches_only and alike(table.name) not in wanted:
            why = "nothing but a sketch states it"
        if why:
            left_out.append(Decision("table", table.name, "", why, table.place))
        else:
            kept.append(table)
    return tuple(kept), tuple(left_out)


def _references(table: SpecTable) -> Iterator[Reference]:
    for column in table.columns:
        led = column.reference.column.reference if column.reference else None
        if led is not None:
            yield led


def settle_table(table: SpecTable, spec: Spec) -> tuple[SpecTable, list[Decision]]:
    """A table with its key, its columns and its checks settled; foreign keys and indexes come later."""
    decisions: list[Decision] = []
    table = _with_key(table, spec, decisions)
    columns = tuple(_settled(column, table, spec, decisions) for column in table.columns)
    checks = tuple(_with_sql(one, table, decisions) for one in table.checks)
    return replace(table, columns=columns, checks=checks), decisions


def _with_key(table: SpecTable, spec: Spec, decisions: list[Decision]) -> SpecTable:
    if table.primary_key:
        return table
    own = table.column("id")
    if own is not None:
        decisions.append(
            Decision("primary key", table.name, own.name, "the primary key, because it is called so", own.place)
        )
        keyed = tuple(said(one, primary_key=True) if one is own else one for one in table.columns)
        return replace(table, columns=keyed)
    keys = [one.name for one in table.columns if one.reference]
    if len(keys) == len(table.columns) == 2:
        decisions.append(
            Decision(
                "primary key", table.name, ",".join(keys), "both together, as of a table that joins two", table.place
            )
        )
        return replace(table, key=tuple(keys))
    led = leading_type(table, spec)
    type = replace(led, automatic=led.fits[0] in _NUMBERS) if led else SpecType("BIGINT", ("bigint",), automatic=True)
    how = "numbered by the database" if type.automatic else "as the keys that lead to it"
    decisions.append(Decision("primary key", table.name, "id", f"added: {type.fits[0]}, {how}", table.place))
    voice = Voice(StatedColumn("id", table.place, type=type, nullable=False, primary_key=True), "prose", "strong")
    return replace(table, columns=(SpecColumn("id", (voice,)), *table.columns))


def _settled(column: SpecColumn, table: SpecTable, spec: Spec, decisions: list[Decision]) -> SpecColumn:
    column = settle_type(column, table, spec, decisions)
    if column.voice("on_update") and column.type and not column.type.fits[0].startswith(("timestamp", "date")):
        told = "nothing changes it with its row: the trigger that does belongs into a migration"
        decisions.append(Decision("default", table.name, column.name, told, column.place))
    is_key = column.name.lower() in {name.lower() for name in table.primary_key}
    column = _with_default(column, table, is_key and len(table.primary_key) == 1, decisions)
    return _with_null(column, table, is_key, decisions)


def _with_default(column: SpecColumn, table: SpecTable, alone: bool, decisions: list[Decision]) -> SpecColumn:
    type, default = column.type, column.default
    kind = type.fits[0] if type else "text"

    def taken(topic: Topic, words: str) -> None:
        decisions.append(Decision(topic, table.name, column.name, words, column.place))

    if (
        alone
        and column.reference is None
        and kind in _NUMBERS
        and type is not None
        and not type.automatic
        and default is None
    ):
        taken("number", "numbered by the database")
        return said(column, type=replace(type, automatic=True))
    if (
        alone
        and kind == "uuid"
        and column.reference is None
        and (default is None or default.column.given or default.column.default == "?")
    ):
        taken("default", "gen_random_uuid()")
        return said(column, default="gen_random_uuid()")
    timed = kind.startswith(("timestamp", "date")) and (is_creation(column.name) or is_change(column.name))
    if timed and (default is None or default.column.given or default.column.default == "?"):
        taken("default", "now()")
        return said(column, default="now()")
    if default is not None and default.column.given and default.column.default not in (None, "?", "null", "NULL"):
        taken("default", f"{default.column.default}, which only Python gave, also by the database")
        return said(column, default=default.column.default)
    if default is not None and default.column.default == "?":
        taken("default", "none: one is told of, and not its value")
    return column


def _with_null(column: SpecColumn, table: SpecTable, is_key: bool, decisions: list[Decision]) -> SpecColumn:
    """Whether NULL is allowed, where that is open: not for what has a default, a yes or no, and the times of a row."""
    told = column.nullable
    if is_key or (told is not None and not (told.column.silent and told.column.nullable)):
        return column
    kind = column.type.fits[0] if column.type else ""
    default = column.default.column.default if column.default else None
    timed = kind.startswith(("timestamp", "date")) and (is_creation(column.name) or is_change(column.name))
    has_default = default not in (None, "?") and str(default).lower() != "null"
    led = column.reference.column.reference if column.reference else None
    owned = told is None and led is not None and led.on_delete != "set null" and alike(led.table) != alike(table.name)
    if not (timed or kind == "boolean" or has_default or owned):
        if told is None:
            decisions.append(Decision("null", table.name, column.name, "may be NULL", column.place))
            return said(column, nullable=True)
        return column
    decisions.append(Decision("null", table.name, column.name, "NOT NULL", column.place))
    return said(column, nullable=False)


def _with_sql(check: StatedCheck, table: SpecTable, decisions: list[Decision]) -> StatedCheck:
    """A check that is only told, as SQL."""
    if check.expression or check.wording != "not empty" or not check.columns:
        return check
    column = table.column(check.columns[0])
    if column is None:
        return check
    sql = f"length(trim({quote(column.name)})) > 0"
    decisions.append(Decision("not empty", table.name, column.name, f"CHECK ({sql})", check.place))
    return replace(check, expression=sql)
