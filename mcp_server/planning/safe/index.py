"""Indexes that are built and dropped while rows are written.

https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY: a build that fails leaves an
invalid index behind, which costs writes and serves nobody; it has to go before the build is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Dropped
from mcp_server.model.names import object_name, qualified, quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import Index
from mcp_server.planning.draft import SHARE_UPDATE_EXCLUSIVE
from mcp_server.planning.safe.ground import Ground, piece

_CREATE = re.compile(r"^CREATE (UNIQUE )?INDEX ")
LEFTOVER = "what a run that was cut off may have left serves nobody"


def form(step: Step, ground: Ground) -> Iterator[Step]:
    """CREATE and DROP INDEX CONCURRENTLY; nothing for other steps, and for partitioned tables."""
    item = step.change.item
    if not isinstance(item, Index) or ground.is_partitioned(item.table) or item.parent:
        return
    if isinstance(step.change, Added) and _CREATE.match(step.sql):
        yield drop(step, item.identity)
        yield piece(step, concurrently(step.sql), main=True)
    elif isinstance(step.change, Dropped) and step.sql.startswith("DROP INDEX "):
        yield piece(step, f"DROP INDEX CONCURRENTLY IF EXISTS {item.identity}", main=True)


def drop(step: Step, identity: str) -> Step:
    """Away with the leftover of a run that failed."""
    return piece(step, f"DROP INDEX CONCURRENTLY IF EXISTS {identity}", why=LEFTOVER)


def concurrently(sql: str) -> str:
    """CREATE INDEX without stopping writes."""
    return _CREATE.sub(lambda match: f"CREATE {match[1] or ''}INDEX CONCURRENTLY ", sql, count=1)


def named(sql: str, name: str) -> str:
    """CREATE INDEX under another name."""
    return re.sub(r'^(CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?)(?:"(?:[^"]|"")*"|\S+)', rf"\g<1>{quote(name)}", sql)


def beside(name: str) -> str:
    """The name of what is built to take the place of something of this name."""
    return object_name(name, "", "new")


def swap(gone: Step, made: Step) -> Iterator[Step]:
    """An index of another definition under the same name: built beside the old one, so that queries always have one."""
    item = made.change.item
    assert isinstance(item, Index)
    schema, name = split(item.identity)
    other = qualified(schema, beside(name))
    yield drop(made, other)
    yield piece(made, named(concurrently(made.sql), beside(name)))
    yield piece(gone, f"DROP INDEX CONCURRENTLY IF EXISTS {item.identity}", main=True)
    rename = f"ALTER INDEX {other} RENAME TO {quote(name)}"
    yield replace(piece(made, rename, lock=SHARE_UPDATE_EXCLUSIVE, main=True), why="it takes the old one's name")
