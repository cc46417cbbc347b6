"""Indexes of partitioned tables: made on the parent alone, built on each partition while rows are written, attached.

https://www.postgresql.org/docs/current/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Dropped
from mcp_server.model.deparsed import stable
from mcp_server.model.names import object_name
from mcp_server.model.plan import Step
from mcp_server.model.schema import Index, Table
from mcp_server.planning.draft import ACCESS_EXCLUSIVE, SHARE
from mcp_server.planning.safe.ground import Ground, piece
from mcp_server.planning.safe.index import concurrently, drop, named


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """CREATE INDEX ON ONLY the parent, CONCURRENTLY on each partition, ATTACH; DROP INDEX is over at once."""
    item = step.change.item
    if not isinstance(item, Index) or not ground.is_partitioned(item.table) or item.parent:
        return
    if isinstance(step.change, Dropped) and step.sql.startswith("DROP INDEX "):
        yield piece(step, f"DROP INDEX IF EXISTS {item.identity}", ACCESS_EXCLUSIVE, main=True)
    elif isinstance(step.change, Added) and step.sql.startswith("CREATE "):
        yield from _made(step, item, ground)


def _made(step: Step, item: Index, ground: Ground) -> Iterator[Step]:
    head = f" ON {item.table} "
    yield _gone(step, item)
    only = step.sql.replace(head, f" ON ONLY {item.table} ", 1)
    yield piece(step, only, SHARE, "the parent holds no rows", main=True)
    yield from _below(step, item, ground)


def _gone(step: Step, index: Index) -> Step:
    why = "a run that was cut off may have come as far as that"
    return piece(step, f"DROP INDEX IF EXISTS {index.identity}", ACCESS_EXCLUSIVE, why)


def _below(step: Step, parent: Index, ground: Ground) -> Iterator[Step]:
    for table in ground.after.all(Table):
        if table.partition_of != parent.table or table.kind == "foreign":
            continue
        index = part_of(parent, table, ground)
        attach = f"ALTER INDEX {parent.identity} ATTACH PARTITION {index.identity}"
        if table.kind == "partitioned":
            yield _gone(step, index)
            yield piece(step, stable(index.definition), SHARE, "the parent holds no rows")
            yield from _below(step, index, ground)
        else:
            yield drop(step, index.identity)
            yield piece(step, concurrently(stable(index.definition)), why=step.why)
        yield piece(step, attach, SHARE, "the index is there: no row is read")


def part_of(parent: Index, table: Table, ground: Ground) -> Index:
    """A partition's part of an index; one of our naming for a partition that is to go, and has none in the end."""
    known = (one for one in ground.after.on(table.identity, Index) if one.parent == parent.identity)
    name = object_name(table.name, parent.name, "part")
    only = " ONLY" if table.kind == "partitioned" else ""
    text = re.sub(
        rf" ON (ONLY )?{re.escape(parent.table)} ", lambda _: f" ON{only} {table.identity} ", parent.definition
    )
    own = replace(
        parent, schema=table.schema, name=name, table=table.identity, definition=named(text, name), constraint=""
    )
    return next(known, replace(own, parent=parent.identity))
