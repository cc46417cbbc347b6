"""Stand-ins -> the statements that make them, all at once or as they change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mcp_server.model.names import literal, quote, split
from mcp_server.model.stand_in import StandIn, StandInColumn, StandIns, StandInTable


def making(stand_ins: StandIns) -> Iterator[str]:
    """The statements that make all of them on an empty database."""
    yield from (one.sql for one in stand_ins.others if one.is_early)
    for table in sorted(stand_ins.tables, key=lambda one: bool(one.parent)):
        yield create(table)
    yield from (one.sql for one in stand_ins.others if not one.is_early)


def changing(old: StandIns, new: StandIns, names: Mapping[str, str]) -> Iterator[str]:
    """The statements that make the new stand-ins of the old ones, which hold no rows.

    names: what tables are called by now, where the script has renamed them.
    """
    known = {(one.kind, one.name): one for one in old.others}
    kept = {(one.kind, one.name) for one in new.others}
    yield from (sql for key, one in known.items() if key not in kept for sql in undoing(one))
    yield from (
        sql for one in new.others if one.is_early for sql in _remaking(known.get((one.kind, one.name)), one, new)
    )
    for table in new.tables:
        before = next((one for one in old.tables if one.name == table.name), None)
        yield from altering(before, table, names.get(table.name, table.name)) if before else (create(table),)
    yield from (
        sql for one in new.others if not one.is_early for sql in _remaking(known.get((one.kind, one.name)), one, new)
    )


def _remaking(before: StandIn | None, after: StandIn, stand_ins: StandIns) -> Iterator[str]:
    """What makes one of another; an enum gets its new labels, for its columns shall stay."""
    if before == after:
        return
    if before is None:
        yield after.sql
    elif after.kind == "type":
        yield from (
            f"alter type {after.name} add value if not exists {literal(one)}"
            for one in after.tried
            if one not in before.tried
        )
    else:
        yield from undoing(before)
        yield after.sql
        if after.kind == "domain":
            yield from (
                f"alter table {table.name} add column {_column(column)}"
                for table in stand_ins.tables
                for column in table.columns
                if column.type == after.name
            )


def undoing(item: StandIn) -> Iterator[str]:
    """What takes one away again."""
    if item.kind == "primary key":
        found = re.match(r"alter table (\S+) add (?:constraint (\S+) )?", item.sql)
        assert found is not None
        table = found[1]
        name = found[2] or quote(f"{split(table)[-1]}_pkey")
        yield f"alter table {table} drop constraint if exists {name} cascade"
    elif item.kind in ("domain", "index"):
        yield f"drop {item.kind} if exists {item.name} cascade"


def create(table: StandInTable) -> str:
    """The CREATE TABLE of one."""
    word = "create unlogged table" if table.unlogged else "create table"
    if table.parent:
        return f"{word} {table.name} partition of {table.parent} {table.bound}"
    key = f" partition by {table.key}" if table.key else ""
    return f"{word} {table.name} ({', '.join(map(_column, table.columns))}){key}"


def altering(before: StandInTable, after: StandInTable, name: str) -> Iterator[str]:
    """The ALTER TABLEs between two states of one table; a column of another type is made anew."""
    for column in before.columns:
        if column not in after.columns:
            yield f"alter table {name} drop column {quote(column.name)} cascade"
    for column in after.columns:
        if column not in before.columns:
            yield f"alter table {name} add column {_column(column)}"


def _column(column: StandInColumn) -> str:
    return f"{quote(column.name)} {column.type}{' not null' if column.required else ''}"
