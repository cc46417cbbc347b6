"""Some tables of a database in use, made anew on a throw-away copy: without their rows, or with them.

Rows come by COPY from one read-only snapshot, table by table, through this process; nothing is written at their source.
Checks, generated columns and expressions of others run on the copy as a role that owns it and may do nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError, Refused
from mcp_server.model.names import quote, split
from mcp_server.model.schema import Column, Constraint, Index, Schema, SchemaObject, Table, group_of
from mcp_server.world.database import connect, finish, read_only, translating
from mcp_server.world.handover import given_over
from mcp_server.world.rehearsal import Copy, copy_of

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.sandbox import Sandbox, Sandboxes
    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

_CHUNKS = 16
COPY_TIMEOUT_MS = 600_000
# What an object of these words does would be done again on the copy, or stops it from being made.
_LEFT_OUT = ("trigger", "event trigger", "rule", "policy", "publication", "grant", "default privilege", "unread")


@dataclass(frozen=True, slots=True)
class Ground:
    """A copy to try indexes on. copy: as ours, a superuser's on the embedded Postgres. theirs: as the role that owns the
    tables. missing: tables and indexes that could not be made here. is_branch: it is a branch at Neon, where nobody is superuser."""

    copy: Copy
    theirs: Connection
    missing: tuple[str, ...] = ()
    is_branch: bool = False

    @property
    def can_pretend(self) -> bool:
        """Whether tables can seem to have rows: the files are those of the embedded Postgres."""
        return self.copy.sandbox.is_embedded

    @property
    def ours(self) -> Connection:
        return self.copy.connection


def wanted_part(schema: Schema, tables: Iterable[str]) -> Schema:
    """Some tables with their indexes and keys, and whatever types and functions there are; nothing that acts by itself."""
    named = set(tables)
    relations = {one.identity for one in schema.all(Table)}
    kept = (_bare(one) for one in schema if _is_kept(one, named, relations))
    return Schema.of(kept, schema.server_version)


def _bare(one: SchemaObject) -> SchemaObject:
    """A column without the default that it gives to new rows: here rows come whole."""
    if isinstance(one, Column) and one.generated is None:
        return replace(one, default=None, identity_kind="", identity_options="")
    return one


def _is_kept(one: SchemaObject, named: set[str], relations: set[str]) -> bool:
    if one.word in _LEFT_OUT or one.word in ("view", "materialized view"):
        return False
    if isinstance(one, Constraint) and one.kind not in ("p", "u"):
        return False
    group = group_of(one)
    return group not in relations or group in named


def foreign_keys(schema: Schema, tables: Iterable[str]) -> tuple[str, ...]:
    """The foreign keys among some tables, told to the planner without being checked."""
    named = set(tables)
    return tuple(
        f"alter table {one.table} add constraint {quote(one.name)} {one.definition}"
        + (" not valid" if "NOT VALID" not in one.definition else "")
        for one in schema.all(Constraint)
        if one.kind == "f" and one.table in named and one.references in named and not one.inherited
    )


@asynccontextmanager
async def ground_of(
    workspace: Workspace,
    schema: Schema,
    tables: Sequence[str],
    making: Sequence[str],
    among: Sandboxes | None = None,
) -> AsyncIterator[Ground]:
    """A copy with some tables and none of their rows, for the length of a block.

    making: the statements that make them. among: the sandboxes to make it with, else the workspace's.
    """
    sandboxes = among or await workspace.sandboxes()
    template = await _template(sandboxes, f"tables {sorted(tables)} of {schema.fingerprint}", making)
    async with (
        copy_of(workspace, template, among=sandboxes) as copy,
        given_over(copy) as lease,
        lease.session() as theirs,
    ):
        is_superuser = bool(
            await copy.connection.fetchval("select rolsuper from pg_catalog.pg_roles where rolname = current_user")
        )
        if not is_superuser:
            raise Refused(
                "Indexes can be hidden by a superuser of the sandbox's server alone.",
                "Unset DBARCH_SANDBOX_URL to use the embedded Postgres, or name a server where its role is a superuser.",
            )
        there = await theirs.fetch(
            "select pg_catalog.format('%I.%I', n.nspname, c.relname) as name from pg_catalog.pg_class c"
            " join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'i', 'I')"
        )
        wanted = {one.identity for kind in (Table, Index) for one in schema.all(kind)}
        yield Ground(copy, theirs, tuple(sorted(wanted - {row["name"] for row in there})))


async def _template(sandboxes: Sandboxes, key: str, making: Sequence[str]) -> str:
    """A template of what can be made here: an extension, and what needs it, may be missing on the sandbox's server."""

    async def fill(sandbox: Sandbox) -> None:
        connection = await connect(sandbox.url)
        copy = Copy(connection, sandbox, sandboxes)
        try:
            async with given_over(copy) as lease, lease.session() as session:
                theirs = Copy(session, sandbox, sandboxes)
                for sql in making:
                    with suppress(DatabaseError):
                        await (copy if sql.upper().startswith("CREATE EXTENSION ") else theirs).run([sql])
        finally:
            await finish(connection.close(timeout=5))

    return await sandboxes.template(f"bare {key}", fill)


async def bring_rows(live: Connection, ground: Ground, schema: Schema, tables: Sequence[str]) -> None:
    """Copy the rows of tables from one snapshot of a database. Raises DatabaseError."""
    async with read_only(live, statement_timeout_ms=COPY_TIMEOUT_MS) as source:
        for table in tables:
            columns = [one for one in schema.all(Column) if one.table == table and one.generated is None]
            columns.sort(key=lambda one: one.position)
            if columns:
                await _bring(source, ground.theirs, table, [one.name for one in columns])


async def settle(ground: Ground, schema: Schema, tables: Sequence[str]) -> None:
    """After rows were brought: foreign keys, statistics and the marks that let an index answer alone."""
    with translating("preparing the copy"):
        for statement in foreign_keys(schema, tables):
            await ground.theirs.execute(statement)
        for table in tables:
            await ground.theirs.execute(f"vacuum (analyze) {table}")
        for root in sorted({root for name, root in roots_of(schema).items() if name in tables}):
            await ground.theirs.execute(f"analyze {root}")


async def _bring(source: Connection, goal: Connection, table: str, columns: Sequence[str]) -> None:
    pipe: asyncio.Queue[bytes] = asyncio.Queue(_CHUNKS)

    async def chunks() -> AsyncIterator[bytes]:
        while chunk := await pipe.get():
            yield chunk

    schema, name = split(table)
    listed = ", ".join(quote(one) for one in columns)
    with translating(f"copying the rows of {table}"):
        writing = asyncio.ensure_future(
            goal.copy_to_table(name, schema_name=schema, columns=list(columns), source=chunks(), timeout=600)
        )
        reading = asyncio.ensure_future(
            source.copy_from_query(f"select {listed} from only {table}", output=pipe.put, timeout=600)
        )
        try:
            done, _ = await asyncio.wait((writing, reading), return_when=asyncio.FIRST_COMPLETED)
            if writing in done:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
            else:
                await reading
                await pipe.put(b"")
            await writing
        finally:
            await finish(_end(writing, reading))


async def _end(*tasks: asyncio.Future[str]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def plain_tables(schema: Schema, names: Iterable[str]) -> tuple[str, ...]:
    """Those of some relations that are tables of their own, and the partitions of the others, in order."""
    wanted, roots = set(names), roots_of(schema)
    return tuple(
        sorted(
            one.identity
            for one in schema.all(Table)
            if one.kind == "table" and (one.identity in wanted or roots.get(one.identity) in wanted)
        )
    )


def roots_of(schema: Schema) -> dict[str, str]:
    """For each partition the partitioned table that it belongs to, the uppermost."""
    above = {one.identity: one.partition_of for one in schema.all(Table) if one.partition_of}
    found: dict[str, str] = {}
    for name in above:
        root = name
        while root in above:
            root = above[root]
        found[name] = root
    return found


def indexes_of(schema: Schema, table: str) -> tuple[Index, ...]:
    """The indexes that a table has."""
    return tuple(one for one in schema.all(Index) if one.table == table)
