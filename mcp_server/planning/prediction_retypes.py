"""What another type of a column does: to the rows, to the indexes, checks and foreign keys on it.

Source: ATPrepAlterColumnType() and RememberAllDependentForRebuilding() of src/backend/commands/tablecmds.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.action import Action
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint, Policy, RewriteRule, Trigger, View
from mcp_server.planning.mentions import Names
from mcp_server.planning.prediction_ground import (
    EXCLUSIVE,
    Fails,
    Ground,
    Part,
    Touch,
    base_type,
    built,
    constraint_uses,
    index_uses,
    locked,
    mentions,
    rewritten,
    scanned,
)
from mcp_server.planning.prediction_partitions import key_columns
from mcp_server.planning.prediction_types import keeps_operators, needs_rewrite


def alter_type(ground: Ground, action: Action, table: str, beside: tuple[Action, ...]) -> Iterator[Part]:
    column = ground.column(table, action.name)
    if column is None:
        yield Fails(f"{table} has no column {action.name}")
        return
    if why := _keeps_from_altering(ground, table, column):
        yield Fails(why)
        return
    new = known_type(ground, action.type)
    steps = [known_type(ground, one.removeprefix("cast=")) for one in action.options if one.startswith("cast=")]
    rewrites = "using" in action.flags and "cast only" not in action.flags
    for before, after in zip([column.type, *steps], [*steps, new], strict=True):
        rewrites = rewrites or needs_rewrite(ground, before, after)
    if rewrites:
        yield from rewritten(ground, table)
    yield from _indexes_again(ground, table, column, action, rewrites)
    yield from rechecked(ground, table, column.name)
    yield from _foreign_keys_again(ground, table, column, new)


def known_type(ground: Ground, written: str) -> str:
    """A type as the Schema names it: one of the user's own with its schema."""
    bare = written.removesuffix("[]")
    domain = ground.domain(bare)
    return (domain.identity if domain else bare) + written[len(bare) :]


def _keeps_from_altering(ground: Ground, table: str, column: Column) -> str:
    """Why Postgres refuses to alter the type, "" when it does not: RememberAllDependentForRebuilding()."""
    if view_on(ground, table, column.name):
        return "a view uses the column"
    if any(
        one.generated and one is not column and mentions(one.generated, column.name)
        for one in ground.schema.on(table, Column)
    ):
        return "a generated column uses the column"
    if any(mentions(f"{one.using} {one.check}", column.name) for one in ground.schema.on(table, Policy)):
        return "a policy uses the column"
    if any(_trigger_uses(one, column.name) for one in ground.schema.on(table, Trigger)):
        return "a trigger uses the column"
    if any(mentions(one.definition, column.name) for one in ground.schema.on(table, RewriteRule)):
        return "a rule uses the column"
    found = ground.table(table)
    if found and column.name in key_columns(found.partition_by):
        return "the column is part of the partition key"
    return ""


def view_on(ground: Ground, table: str, column: str) -> str:
    """A view that reads the column, "" for none."""
    names = Names(ground.schema)
    identity = f"{table}.{quote(column)}"
    for view in ground.schema.all(View):
        if (Column.word, identity) in names.in_query(view.definition):
            return view.identity
    return ""


def _trigger_uses(trigger: Trigger, column: str) -> bool:
    head = trigger.definition.partition(" EXECUTE ")[0]
    of, _, when = head.partition(" WHEN ")
    return (" UPDATE OF " in of and mentions(of.partition(" UPDATE OF ")[2].partition(" ON ")[0], column)) or mentions(
        when, column
    )


def _indexes_again(ground: Ground, table: str, column: Column, action: Action, rewrites: bool) -> Iterator[Part]:
    """Indexes on the column are dropped and made again; their files are kept when nothing in them can have changed."""
    for index in ground.indexes(table):
        if not index_uses(index, column.name):
            continue
        yield Touch("rebuild", index.identity)
        simple = all(index.columns) and not index.predicate
        same_order = _collation(action) == column.collation.removeprefix("pg_catalog.").strip('"')
        if (
            rewrites
            or not simple
            or not same_order
            or not keeps_operators(ground, column.type, known_type(ground, action.type))
        ):
            yield from built(ground, table)


def _collation(action: Action) -> str:
    found = next((one.removeprefix("collate=") for one in action.options if one.startswith("collate=")), "")
    return found.removeprefix("pg_catalog.")


def rechecked(ground: Ground, table: str, column: str) -> Iterator[Part]:
    """Checks that use the column are made again, so that every row is checked again."""
    for one in ground.schema.on(table, Constraint):
        if one.kind == "c" and one.validated and one.enforced and constraint_uses(one, column):
            yield from scanned(ground, table)


def _foreign_keys_again(ground: Ground, table: str, column: Column, new: str) -> Iterator[Part]:
    """Foreign keys on both sides of the column are dropped and made again: both tables are locked."""
    for one in (*ground.foreign_keys_of(table), *ground.foreign_keys_to(table)):
        uses = (one.table == table and column.name in one.columns) or (
            one.references == table and column.name in one.referenced_columns
        )
        if not uses:
            continue
        yield from locked(EXCLUSIVE, one.table, one.references)
        if one.validated and one.enforced and not keeps_operators(ground, column.type, base_type(ground, new)):
            yield from scanned(ground, one.table, one.references)
