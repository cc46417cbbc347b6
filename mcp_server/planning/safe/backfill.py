"""Values written into rows that are there: in batches by key, each committed, so that no lock lasts and a stop costs little.

A DO block may commit as it goes when it runs outside of a transaction
(https://www.postgresql.org/docs/current/plpgsql-transactions.html). Rows that have their value are left alone, so the
block may be stopped and run again.
"""

from __future__ import annotations

from collections.abc import Mapping

from mcp_server.model.change import Change
from mcp_server.model.names import literal, quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint
from mcp_server.planning.safe.ground import Ground

# Rows by one UPDATE: some tens of milliseconds, so that a writer who wants one of the rows hardly waits.
BATCH = 2_000
# Pages of a table without a key: 8 KiB each, so at most some thousand rows.
PAGES = 32
ROW_EXCLUSIVE = "RowExclusiveLock"


def batches(change: Change, table: str, values: Mapping[str, str], undone: str, ground: Ground) -> Step:
    """One statement that writes values into all rows that lack them. values: expressions by column. undone: which rows do."""
    setting = ", ".join(f"{quote(name)} = {expression}" for name, expression in values.items())
    key = _key(table, ground)
    sql = _by_key(table, key, setting, undone) if key else _by_page(table, setting, undone)
    why = "rows are filled in batches; what was filled stays when it is stopped and run again"
    return Step(sql, change, fields=("",), transactional=False, lock=ROW_EXCLUSIVE, why=why)


def _key(table: str, ground: Ground) -> tuple[str, ...]:
    """The columns of the primary key that stands before and after."""
    old, new = (
        next((one.columns for one in schema.on(table, Constraint) if one.kind == "p"), ())
        for schema in (ground.before, ground.after)
    )
    return old if old == new else ()


def _by_key(table: str, columns: tuple[str, ...], setting: str, undone: str) -> str:
    names = [quote(column) for column in columns]
    since, until = ([f"{word}_{count}" for count in range(1, len(names) + 1)] for word in ("since", "until"))
    declared = "\n".join(
        f"    {variable} {table}.{name}%TYPE;"
        for variables in (since, until)
        for variable, name in zip(variables, names, strict=True)
    )
    key, listed = ", ".join(names), (names if len(names) > 1 else None)
    low = f"({key}) >= ({', '.join(since)})" if listed else f"{key} >= {since[0]}"
    high = f"({key}) < ({', '.join(until)})" if listed else f"{key} < {until[0]}"
    moved = "\n".join(f"        {one} := {other};" for one, other in zip(since, until, strict=True))
    return f"""DO $backfill$
DECLARE
{declared}
BEGIN
    SELECT {key} INTO {", ".join(since)} FROM {table} ORDER BY {key} LIMIT 1;
    LOOP
        SELECT {key} INTO {", ".join(until)} FROM {table} WHERE {low}
        ORDER BY {key} OFFSET {BATCH} LIMIT 1;
        EXIT WHEN NOT FOUND;
        UPDATE {table} SET {setting}
        WHERE {low} AND {high} AND {undone};
        COMMIT;
{moved}
    END LOOP;
    UPDATE {table} SET {setting}
    WHERE {low} AND {undone};
END
$backfill$"""


def _by_page(table: str, setting: str, undone: str) -> str:
    """By the place of rows, for a table without a key: what is updated moves to the end, and is passed over there."""
    return f"""DO $backfill$
DECLARE
    page bigint := 0;
    size bigint := current_setting('block_size')::bigint;
BEGIN
    WHILE page * size < pg_relation_size({literal(table)}::regclass) LOOP
        UPDATE {table} SET {setting}
        WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + {PAGES})::tid AND {undone};
        COMMIT;
        page := page + {PAGES};
    END LOOP;
END
$backfill$"""


def demand(change: Change, column: Column) -> Step:
    """Where nobody can know the value: the revision goes on only when every row has one."""
    name = quote(column.name)
    asked = f"{column.identity} needs a value in every row, and only you know which"
    sql = f"""DO $backfill$
BEGIN
    -- TODO: write the value of {name} into the rows that are there, in batches:
    -- UPDATE {column.table} SET {name} = ... WHERE {name} IS NULL AND <a range of keys>; COMMIT;
    IF EXISTS (SELECT FROM {column.table} WHERE {name} IS NULL) THEN
        RAISE EXCEPTION {literal(asked)} USING ERRCODE = 'not_null_violation';
    END IF;
END
$backfill$"""
    return Step(sql, change, fields=("",), transactional=False, lock="", why=f"NEEDS A DECISION: {asked}")
