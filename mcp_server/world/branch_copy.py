"""A branch at Neon in the place of a copy with rows: what is larger than can be copied is tried there, on all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp_server.model.names import literal, quote
from mcp_server.world.branch_making import Ground as Branch
from mcp_server.world.branch_making import branch_ground
from mcp_server.world.catalog import read_rows
from mcp_server.world.data_copy import Ground
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.filled_copy import FilledCopy
from mcp_server.world.rehearsal import Copy
from mcp_server.world.sandbox import Sandbox

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

_INDEXES = """
    select c.oid::int8 as oid, n.nspname as schema, c.relname as name from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('i', 'I') and n.nspname !~ '^pg_'
"""


@asynccontextmanager
async def branch_session(branch: Branch) -> AsyncIterator[tuple[Connection, Sandbox]]:
    """A connection to a branch's database, and that database as whoever works on sandboxes knows it."""
    connection = await connect(branch.url)
    try:
        with translating("looking at the branch"):
            name = await connection.fetchval("select pg_catalog.current_database()::pg_catalog.text")
            version = int(await connection.fetchval("select pg_catalog.current_setting('server_version_num')"))
        yield connection, Sandbox(name, branch.url, version, is_embedded=False)
    finally:
        await finish(connection.close(timeout=5))


@asynccontextmanager
async def branch_with_rows(workspace: Workspace, word: str, tables: Sequence[str]) -> AsyncIterator[FilledCopy]:
    """The branch that a word means, to try a statement on. tables: by identity, those whose rows are told of."""
    async with (
        branch_ground(workspace, word, only_ours=True) as branch,
        branch_session(branch) as (connection, _),
        _without_new_indexes(branch, connection),
    ):
        listed = ", ".join(literal(name) for name in tables)
        rows = await read_rows(
            connection,
            f"select name, greatest(c.reltuples, 0)::int8 as rows from unnest(array[{listed}]::text[]) name"
            " join pg_catalog.pg_class c on c.oid = pg_catalog.to_regclass(name)",
        )
        yield FilledCopy(connection, {row["name"]: row["rows"] for row in rows}, _words(branch))


@asynccontextmanager
async def branch_ground_of(workspace: Workspace, word: str) -> AsyncIterator[tuple[Ground, str]]:
    """The branch that a word means, to prove indexes on, and what it is, for people."""
    async with (
        branch_ground(workspace, word, only_ours=True) as branch,
        branch_session(branch) as (ours, sandbox),
        branch_session(branch) as (theirs, _),
        _without_new_indexes(branch, ours),
    ):
        yield Ground(Copy(ours, sandbox, await workspace.sandboxes()), theirs, is_branch=True), _words(branch)


def _words(branch: Branch) -> str:
    kind = "the fresh branch" if branch.is_fresh else "the branch"
    return f"{kind} {branch.name}{f' of {branch.parent}' if branch.parent else ''}, with all its rows"


@asynccontextmanager
async def _without_new_indexes(branch: Branch, connection: Connection) -> AsyncIterator[None]:
    """Drop at the end what was built meanwhile, on a branch that stays."""
    before = {row["oid"] for row in await read_rows(connection, _INDEXES)}
    try:
        yield
    finally:
        if not branch.is_fresh and not connection.is_closed():
            await finish(_dropped(connection, before))


async def _dropped(connection: Connection, before: set[int]) -> None:
    for row in await read_rows(connection, _INDEXES):
        if row["oid"] not in before:
            with translating("taking an index away from a branch"):
                await connection.execute(f"drop index if exists {quote(row['schema'])}.{quote(row['name'])}")
