"""ORDER BY and the keys of the tables -> how to page by key.

Rows that sort alike must be told apart, so the primary keys come last. Where all keys go one way, rows are compared as
wholes; an index serves that. Where they do not, the first ones also bound the whole, for an OR alone would read everything
from the start. NULL compares with nothing, so that a column which may be NULL becomes two keys: whether it is, and its
value, with any other in the place of NULL.
https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mcp_server.model.examined import Asked, Ordered
from mcp_server.model.facts import primary_key
from mcp_server.model.names import quote
from mcp_server.model.paging import Key, Paging
from mcp_server.model.schema import Column, Schema

Names = Mapping[tuple[str, str], str]
# What stands for NULL, by the beginning of a type's name: any value will do, for whether it is NULL is compared first.
_STANDS_FOR_NULL = {
    "character varying": "''", "text": "''", "smallint": "0", "integer": "0", "bigint": "0", "numeric": "0", "real": "0",
    "double precision": "0", "date": "'epoch'", "timestamp": "'epoch'", "time ": "'00:00'", "boolean": "false", "uuid": "'00000000-0000-0000-0000-000000000000'",
}  # fmt: skip


def obstacle(asked: Asked, tables: Mapping[str, str], schema: Schema) -> str:
    """Why a statement cannot be paged by key, "" when it can. tables: the identity of each alias."""
    if not asked.order:
        return "it has no ORDER BY, so its pages are in no order at all"
    if asked.unpageable:
        return asked.unpageable
    for alias in asked.aliases:
        if alias not in tables:
            return f"the table of {alias} does not show in the plan"
        if not primary_key(schema, tables[alias]):
            return f"{tables[alias]} has no primary key to tell rows apart that sort alike"
    for item in asked.order:
        place = _place(item, asked, tables, schema)
        if place is None:
            return f"it is ordered by {item.text}, which is no column of its tables"
        if place[1].nullable and not _stand_in(place[1]):
            return f"{item.text} may be NULL and has a type ({place[1].type}) for which nothing else can stand"
    return ""


def paging_of(asked: Asked, tables: Mapping[str, str], schema: Schema, parameters: int, names: Names) -> Paging:
    """How to page a statement for which there is no obstacle.

    parameters: how many the statement has already. names: what Python calls a column, `Task.made`, by (alias, column).
    """
    keys: list[Key] = []
    for item in asked.order:
        place = _place(item, asked, tables, schema)
        assert place is not None
        keys += _keys(item, *place)
    seen = {(key.alias, key.column) for key in keys}
    known = len(keys)
    for alias in asked.aliases:
        for name in primary_key(schema, tables[alias]):
            if (alias, name) not in seen:
                column = _column(schema, tables[alias], name)
                keys.append(_key(alias, column, descending=keys[-1].descending))
    values = tuple(_value(f"${parameters + number}::{key.type}", key) for number, key in enumerate(keys, 1))
    chosen = tuple(keys)
    return Paging(
        keys=chosen,
        added=len(keys) - known,
        first=parameters + 1,
        condition=_condition(chosen, values),
        order=", ".join(f"{key.expression}{' desc' if key.descending else ''}" for key in keys),
        python=python_of(chosen, names, several=len(asked.aliases) > 1),
    )


def _place(item: Ordered, asked: Asked, tables: Mapping[str, str], schema: Schema) -> tuple[str, Column] | None:
    """The alias and column that an item of ORDER BY is; None for an expression, or a name that two tables have."""
    found = [
        (alias, column)
        for alias in asked.aliases
        if item.column and item.table in ("", alias) and alias in tables
        for column in schema.on(tables[alias], Column)
        if column.name == item.column
    ]
    return found[0] if len(found) == 1 else None


def _column(schema: Schema, table: str, name: str) -> Column:
    return next(column for column in schema.on(table, Column) if column.name == name)


def _keys(item: Ordered, alias: str, column: Column) -> Iterator[Key]:
    """The keys of one item: the column, or where it may be NULL whether it is and then its value."""
    if column.nullable:
        test = f"({quote(alias)}.{quote(column.name)} is null)"
        yield Key(test, alias, column.name, "boolean", descending=item.nulls_first, tests_null=True)
    yield _key(alias, column, descending=item.descending)


def _key(alias: str, column: Column, *, descending: bool) -> Key:
    expression, stand_in = f"{quote(alias)}.{quote(column.name)}", ""
    if column.nullable:
        stand_in = _stand_in(column)
        expression = f"coalesce({expression}, {stand_in})"
    return Key(expression, alias, column.name, column.type, descending, stand_in)


def _stand_in(column: Column) -> str:
    found = (value for kind, value in _STANDS_FOR_NULL.items() if f"{column.type} ".startswith(kind))
    return next(found, "") if not column.type.endswith("[]") else ""


def _condition(keys: Sequence[Key], values: Sequence[str]) -> str:
    """What holds of every row behind the last one."""
    alike, names = _alike(keys), [key.expression for key in keys]
    if alike == len(keys):
        return _together(names, _beyond(keys[0]), values)
    return f"{_together(names[:alike], _beyond(keys[0]) + '=', values[:alike])} and {_rest(keys, values)}"


def _value(parameter: str, key: Key) -> str:
    """A key's value in the cursor, which may be NULL where the column may."""
    return f"coalesce({parameter}, {key.stand_in})" if key.stand_in else parameter


def _alike(keys: Sequence[Key]) -> int:
    """How many keys, from the first, go one way."""
    return next((place for place, key in enumerate(keys) if key.descending != keys[0].descending), len(keys))


def _together(names: Sequence[str], operator: str, values: Sequence[str], row: str = "") -> str:
    """Keys compared as one row. row: what makes a row, "" in SQL."""
    if len(names) == 1:
        return f"{names[0]} {operator} {values[0]}"
    return f"{row}({', '.join(names)}) {operator} {row}({', '.join(values)})"


def _rest(keys: Sequence[Key], values: Sequence[str]) -> str:
    """Key by key: this one is beyond its value, or it is equal and the others are."""
    here = f"{keys[0].expression} {_beyond(keys[0])} {values[0]}"
    if len(keys) == 1:
        return here
    return f"({here} or ({keys[0].expression} = {values[0]} and {_rest(keys[1:], values[1:])}))"


def _beyond(key: Key) -> str:
    return "<" if key.descending else ">"


def python_of(keys: Sequence[Key], names: Names, *, several: bool) -> str:
    """The statement for SQLAlchemy: `statement` is the query without order, limit and offset, `last` the last row.

    several: keys are of several tables, so that a row has them by labels of table and column.
    """
    columns = [_named(key, names) for key in keys]
    lasts = [_last(key, names, several=several) for key in keys]
    order = ", ".join(f"{one}.desc()" if key.descending else one for key, one in zip(keys, columns, strict=True))
    alike, way = _alike(keys), _beyond(keys[0])
    if alike < len(keys):
        bound = _together(columns[:alike], f"{way}=", lasts[:alike], "tuple_")
        parts = [bound, _python_rest(keys, columns, lasts)]
    else:
        parts = [_together(columns, way, lasts, "tuple_")]
    words = set(re.findall(r"\w+", " ".join((*parts, order))))
    used = [name for name in ("and_", "cast", "func", "literal", "literal_column", "or_", "tuple_") if name in words]
    imports = f"from sqlalchemy import {', '.join(used)}\n" if used else ""
    return (
        f"{imports}page = (\n    statement.where({', '.join(parts)})\n    .order_by({order})\n    .limit(size + 1)\n)"
    )


def _python_rest(keys: Sequence[Key], columns: Sequence[str], lasts: Sequence[str]) -> str:
    here = f"{columns[0]} {_beyond(keys[0])} {lasts[0]}"
    if len(keys) == 1:
        return here
    return f"or_({here}, and_({columns[0]} == {lasts[0]}, {_python_rest(keys[1:], columns[1:], lasts[1:])}))"


def _named(key: Key, names: Names) -> str:
    column = f"col({names[key.alias, key.column]})"
    if key.tests_null:
        return f"{column}.is_(None)"
    return f'func.coalesce({column}, literal_column("{key.stand_in}"))' if key.stand_in else column


def _last(key: Key, names: Names, *, several: bool) -> str:
    """The value of the last row; SQLAlchemy compares True only as a literal."""
    field = names[key.alias, key.column].rpartition(".")[2]
    value = f"last.{key.alias}_{field}" if several else f"last.{field}"
    if key.tests_null:
        return f"literal({value} is None)"
    if not key.stand_in:
        return value
    return f'func.coalesce(cast({value}, col({names[key.alias, key.column]}).type), literal_column("{key.stand_in}"))'
