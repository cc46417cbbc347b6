"""What the server says of a statement that it refuses: the place in the text, and a name that looks alike."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import DatabaseError, Refused
from mcp_server.model.names import literal, split
from mcp_server.world.catalog import read_rows
from mcp_server.world.database import translated
from mcp_server.world.sql import Statement, point_at

if TYPE_CHECKING:
    from mcp_server.errors import ArchitectError

    Connection = asyncpg.Connection[asyncpg.Record]

_RELATION = re.compile(r'relation "(.+)" does not exist')
_NAMES = """
    select c.relname as name, quote_ident(c.relname) as written,
           case when n.nspname <> 'public' then quote_ident(n.nspname) || '.' else '' end as space
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_toast', 'pg_catalog', 'information_schema')
      and (lower(c.relname) = lower({name}) or abs(length(c.relname) - length({name})) <= 4)
    order by lower(c.relname) <> lower({name}), n.nspname, c.relname limit 5000
"""


async def describe_failure(
    connection: Connection, error: asyncpg.PostgresError, statement: Statement
) -> ArchitectError:
    """The error of a statement, with line, column and caret, and for an unknown table the names that look alike.

    error.position counts from the start of the statement's query.
    """
    base = translated(error)
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return Refused(
            f"Postgres refused it in a read-only transaction: {error.message}.",
            "Leave analyze out to see the estimated plan.",
        )
    if (error.sqlstate or "").startswith("23"):
        hint = "With these rows the statement fails on live as well. Leave analyze and indexes out to see the estimated plan."
        return type(base)(base.message, hint, base.sqlstate)
    if not error.position:
        return base
    place = point_at(statement.query, int(error.position) - 1)
    hint = await _hint(connection, error) or error.hint or base.hint
    return type(base)(f"{(error.message or '').rstrip('.')}{place}", hint, base.sqlstate)


async def _hint(connection: Connection, error: asyncpg.PostgresError) -> str:
    """Tables named like the unknown one, or the same name in another schema."""
    found = _RELATION.search(error.message or "")
    if not isinstance(error, asyncpg.UndefinedTableError) or found is None or connection.is_closed():
        return ""
    name = split(found[1])[-1]
    try:
        rows = await read_rows(connection, _NAMES.format(name=literal(name)))
    except DatabaseError as failure:
        return failure.hint
    near = get_close_matches(name.lower(), {row["name"].lower() for row in rows}, n=3, cutoff=0.6)
    alike = [row["space"] + row["written"] for row in rows if row["name"].lower() in near]
    return f"Did you mean {', '.join(alike[:3])}?" if alike else ""
