"""NOT NULL on a column of rows: proven by a check that was validated while rows were written.

https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-DESC-SET-DROP-NOT-NULL: SET NOT NULL reads
the table unless a valid CHECK proves that there is no NULL. PostgreSQL 18 has NOT NULL ... NOT VALID itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.change import Altered
from mcp_server.model.names import object_name, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Column, Constraint
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """The way to SET NOT NULL; nothing for other steps."""
    change = step.change
    if not isinstance(change, Altered) or not isinstance(change.after, Column) or step.fields != ("nullable",):
        return
    column = change.after
    if not step.sql.endswith(" SET NOT NULL"):
        return
    if ground.since(18) and not ground.has_children(column.table) and not _joins_key(column, ground):
        yield from _as_constraint(step, column)
    else:
        yield from by_check(step, column.table, column.name)


def _joins_key(column: Column, ground: Ground) -> bool:
    """Whether the column will be in a primary key: then its NOT NULL cannot be dropped when the run is repeated."""
    keys = (one for one in ground.after.on(column.table, Constraint) if one.kind == "p")
    return any(column.name in key.columns for key in keys)


def _as_constraint(step: Step, column: Column) -> Iterator[Step]:
    """Under the name that Postgres gives to a NOT NULL by itself, so that nobody can tell them apart."""
    name = quote(object_name(split(column.table)[1], column.name, "not_null"))
    table = f"ALTER TABLE {column.table}"
    added = f"ADD CONSTRAINT {name} NOT NULL {quote(column.name)} NOT VALID"
    why = "new rows are held to it from here on"
    yield piece(step, f"{table} DROP CONSTRAINT IF EXISTS {name}, {added}", ACCESS_EXCLUSIVE, why, main=True)
    yield piece(step, f"{table} VALIDATE CONSTRAINT {name}", why=f"rows are read while others write; {step.why}")


def by_check(step: Step, relation: str, column: str) -> Iterator[Step]:
    """CHECK (... IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL, DROP the check."""
    name = quote(proof(relation, column))
    table = f"ALTER TABLE {relation}"
    check = f"ADD CONSTRAINT {name} CHECK ({quote(column)} IS NOT NULL) NOT VALID"
    why = "new rows are held to it from here on"
    yield piece(step, f"{table} DROP CONSTRAINT IF EXISTS {name}, {check}", ACCESS_EXCLUSIVE, why)
    yield piece(step, f"{table} VALIDATE CONSTRAINT {name}", why=f"rows are read while others write; {step.why}")
    proven = "the check proves it: no row is read"
    yield piece(step, f"{table} ALTER COLUMN {quote(column)} SET NOT NULL", ACCESS_EXCLUSIVE, proven, main=True)
    yield piece(step, f"{table} DROP CONSTRAINT IF EXISTS {name}", ACCESS_EXCLUSIVE, "it has done its work")


def proof(relation: str, column: str) -> str:
    """The name of the check that proves that a column holds no NULL."""
    return object_name(split(relation)[1], column, "proof")
