"""A row or two in each table, where that is simple, and what became of their values.

Values are plain ones by type. A row that a check, a foreign key or a partition's bounds refuse is tried again with other values, then
with NULL wherever NULL may stand; then the table stays empty. This proves what it proves: that values which are there survive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import asyncpg

from mcp_server.model.names import literal, quote
from mcp_server.model.plan import Plan
from mcp_server.model.schema import Column, Composite, Domain, Enum, Range, Schema, Table

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
# Table -> what its rows were, each as the text of its columns that are compared.
Values = dict[str, list[str]]
ROUNDS = 2
_TEXT = ("v", "1", "w", "a b")
_PLAIN = {
    "boolean": ("t", "f"),
    "date": ("2024-01-15", "2021-06-01"),
    "time": ("10:00", "11:30"),
    "interval": ("1 day", "2 hours"),
    "uuid": ("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"),
    "json": ('{"a": 1}', "[2]"),
    "jsonb": ('{"a": 1}', "[2]"),
    "bytea": ("\\x01", "\\x02"),
    "inet": ("10.0.0.1", "10.0.0.2"),
}


async def insert_rows(connection: Connection, schema: Schema) -> int:
    """Insert up to two rows into each table; how many there are. Foreign keys are met by trying again later."""
    waiting = [(table, number) for table in schema.all(Table) if table.kind == "table" for number in (0, 1)]
    done = 0
    for _ in range(ROUNDS):
        left = [one for one in waiting if not await _insert_one(connection, schema, *one)]
        done += len(waiting) - len(left)
        waiting = left
    return done


async def _insert_one(connection: Connection, schema: Schema, table: Table, number: int) -> bool:
    for sql in _attempts(schema, table, number):
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(sql)
            await connection.execute("set constraints all immediate")
        except asyncpg.PostgresError:
            await transaction.rollback()
        else:
            await transaction.commit()
            return True
    return False


def _attempts(schema: Schema, table: Table, number: int) -> Iterator[str]:
    columns = [one for one in schema.on(table.identity, Column) if one.generated is None]
    needed = [one for one in columns if not one.nullable]
    for some in (columns, needed):
        for shift in (0, 1):
            yield _insert(schema, table, some, number + shift)
    yield f"insert into {table.identity} default values"


def _insert(schema: Schema, table: Table, columns: list[Column], number: int) -> str:
    if not columns:
        return f"insert into {table.identity} default values"
    names = ", ".join(quote(column.name) for column in columns)
    values = ", ".join(f"{value(schema, column.type, number)}" for column in columns)
    return f"insert into {table.identity} ({names}) overriding system value values ({values})"


def value(schema: Schema, type_: str, number: int) -> str:
    """A value of a type, as SQL; unlike numbers give unlike values where the type has two."""
    if type_.endswith("[]"):
        return f"array[{value(schema, type_.removesuffix('[]'), number)}]::{type_}"
    if enum := schema.get(Enum, type_):
        return f"{literal(enum.values[number % len(enum.values)])}::{type_}" if enum.values else "null"
    if domain := schema.get(Domain, type_):
        return f"{value(schema, domain.type, number)}::{type_}"
    if row := schema.get(Composite, type_):
        return f"row({', '.join(value(schema, one.type, number) for one in row.attributes)})::{type_}"
    if schema.get(Range, type_) or type_.endswith("range"):
        return f"'empty'::{type_}"
    return f"{literal(_plain(type_, number))}::{type_}"


def _plain(type_: str, number: int) -> str:
    base = type_.partition("(")[0]
    if base.startswith("timestamp"):
        return ("2024-01-15 10:00", "2021-06-01 11:30")[number % 2]
    if base in ("smallint", "integer", "bigint", "numeric", "real", "double precision", "money", "oid"):
        return str(number + 1)
    known = _PLAIN.get(base.removesuffix(" without time zone").removesuffix(" with time zone"), _TEXT)
    return known[number % len(known)]


def surviving(before: Schema, after: Schema, made: Plan) -> dict[str, list[Column]]:
    """The columns that both have, by table, without those that a step of the plan calls lost or makes anew."""
    lost = {step.change.item.identity for step in (*made.upgrade, *made.downgrade) if step.destructive}
    lost |= {part.identity for step in made.upgrade if step.destructive for part in step.parts}
    found: dict[str, list[Column]] = {}
    for column in before.all(Column):
        other = after.get(Column, column.identity)
        table = before.get(Table, column.table)
        if other is None or table is None or table.kind != "table" or {column.identity, column.table} & lost:
            continue
        if column.type.removesuffix("[]") in lost:
            continue  # an attribute or a value of its type goes
        if column.generated is None and other.generated is None:
            found.setdefault(column.table, []).append(column)
    return found


async def values_of(connection: Connection, columns: dict[str, list[Column]]) -> Values:
    """The values of some columns of each table, as sorted texts."""
    return {
        table: [
            text
            for (text,) in await connection.fetch(
                f"select row({', '.join(f'{quote(one.name)}::text' for one in some)})::text from only {table} order by 1"
            )
        ]
        for table, some in columns.items()
    }


def of_one_type(columns: dict[str, list[Column]], after: Schema) -> dict[str, list[Column]]:
    """Those of the columns that have the same type afterwards, so that their texts can be compared at once."""
    found = {}
    for table, some in columns.items():
        same = [one for one in some if (other := after.get(Column, one.identity)) and other.type == one.type]
        if same:
            found[table] = same
    return found
