"""SQL that does the same without hurting: what the fixes of several rules are made of.

Each statement of a cure is to be run in a transaction of its own: in Alembic a revision each, with
`transaction_per_migration=True`, those with CONCURRENTLY inside `autocommit_block()`.
"""

from __future__ import annotations

import re

from mcp_server.model.action import Action
from mcp_server.model.names import object_name, quote, split
from mcp_server.model.schema import Constraint
from mcp_server.model.walked import Migration

TIMEOUT = "set lock_timeout = '3s'"
KINDS = {"primary key": "p", "unique": "u", "foreign key": "f", "check": "c", "exclude": "x", "not null": "n"}
BATCH = 10_000
_INDEX = re.compile(r"\bindex\b(?:\s+concurrently\b)?(?:\s+if\s+(?:not\s+)?exists\b)?", re.IGNORECASE)


def script(*statements: str) -> str:
    """Statements one after the other, none of which waits long for a lock."""
    return "\n".join(f"{sql.strip().rstrip(';')};" for sql in (TIMEOUT, *statements))


def concurrently(sql: str) -> str:
    """CREATE INDEX, DROP INDEX or REINDEX with CONCURRENTLY, and without IF [NOT] EXISTS."""
    return _INDEX.sub(lambda found: f"{found[0].split()[0]} concurrently", sql.strip().rstrip(";"), count=1)


def made_constraint(migration: Migration, relation: str, action: Action) -> Constraint | None:
    """The constraint that an action adds, as the end has it; None when the end was not reached or lacks it."""
    added = migration.new_constraints(relation, KINDS.get(action.kind, ""))
    if action.name and action.verb == "add constraint":
        return next((item for item in added if item.name == action.name), None)
    columns = action.columns or ((action.name,) if action.name else ())
    return next((item for item in added if set(item.columns) == set(columns)), added[0] if len(added) == 1 else None)


def added_later(constraint: Constraint) -> tuple[str, ...]:
    """A check or foreign key, first for new rows alone, then for all."""
    name, body = quote(constraint.name), constraint.definition.removesuffix(" NOT VALID")
    return (
        f"alter table {constraint.table} add constraint {name} {body} not valid",
        f"alter table {constraint.table} validate constraint {name}",
    )


def key_from_index(constraint: Constraint) -> tuple[str, ...]:
    """A unique constraint or primary key whose index is built beside the traffic."""
    index = quote(constraint.name)
    kind = "primary key" if constraint.kind == "p" else "unique"
    tail = constraint.definition.partition("(")[2]
    nulls = " nulls not distinct" if constraint.nulls_not_distinct else ""
    columns, _, rest = tail.partition(")")
    include = f" include {rest.partition('INCLUDE ')[2].partition(')')[0]})" if "INCLUDE (" in rest else ""
    timing = " deferrable" * constraint.deferrable + " initially deferred" * constraint.deferred
    return (
        f"create unique index concurrently {index} on {constraint.table} ({columns}){include}{nulls}",
        f"alter table {constraint.table} add constraint {index} {kind} using index {index}{timing}",
    )


def not_null(table: str, column: str, major: int) -> tuple[str, ...]:
    """NOT NULL that is proven before it is set."""
    plain, name = split(table)[-1], quote(column)
    if major >= 18:
        proof = quote(object_name(plain, column, "not_null"))
        return (
            f"alter table {table} add constraint {proof} not null {name} not valid",
            f"alter table {table} validate constraint {proof}",
        )
    proof = quote(object_name(plain, column, "proof"))
    return (
        f"alter table {table} add constraint {proof} check ({name} is not null) not valid",
        f"alter table {table} validate constraint {proof}",
        f"alter table {table} alter column {name} set not null",
        f"alter table {table} drop constraint {proof}",
    )


def backfill(table: str, column: str, value: str = "default") -> str:
    """One batch of a backfill; to be repeated until it changes no row."""
    name = quote(column)
    rows = f"select ctid from {table} where {name} is null limit {BATCH}"
    return f"update {table} set {name} = {value} where ctid = any (array({rows}))"
