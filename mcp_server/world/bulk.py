"""Statements that make things, many sent as one: Postgres takes all of them in one transaction, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError
from mcp_server.world.database import translating

if TYPE_CHECKING:
    from asyncpg import Connection, Record

SENT_AT_ONCE = 200
# Nothing that would end a transaction, and no text that could run on into the statement that follows.
_MAKING = re.compile(
    r"\s*(?:create\s+(?:table|type|sequence|schema|(?:unique\s+)?index(?!\s+concurrently))|alter\s+table|comment\s+on)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(r";|--|/\*|\$|\\")


def runs(sqls: Sequence[str]) -> Iterator[slice]:
    """The statements in their order, those together that may be sent as one."""
    begin = 0
    for end in range(1, len(sqls) + 1):
        is_full = end - begin == SENT_AT_ONCE
        if end == len(sqls) or is_full or not (_is_plain(sqls[end - 1]) and _is_plain(sqls[end])):
            yield slice(begin, end)
            begin = end


def _is_plain(sql: str) -> bool:
    closed = sql.count("'") % 2 == 0 and sql.count('"') % 2 == 0
    return closed and bool(_MAKING.match(sql)) and not _OPEN.search(sql)


async def were_taken(connection: Connection[Record], sqls: Sequence[str]) -> bool:
    """Send them as one. False: none was taken, and each is to be sent by itself; always for a single one."""
    if len(sqls) < 2:
        return False
    try:
        with translating("making what is stated"):
            await connection.execute(";\n".join(sqls))
    except DatabaseError:
        return False
    return True
