"""A throw-away copy with rows: the live database's schema, and the rows of the tables that a statement touches.

What is built or changed to measure a statement happens there alone; live is only read, in one read-only transaction. The
copy belongs to a role that owns nothing else (handover.py), so that functions of the user's own run with no other rights.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from mcp_server.errors import Refused
from mcp_server.model.names import literal, quote, split
from mcp_server.world.catalog import read_rows
from mcp_server.world.database import read_only, translating
from mcp_server.world.handover import given_over
from mcp_server.world.rehearsal import Copy, copy_of

if TYPE_CHECKING:
    import asyncpg

    from mcp_server.world.workspace import Workspace

    Connection = asyncpg.Connection[asyncpg.Record]

MOST = 512 * 1024**2
IN_MEMORY = 16 * 1024**2
READING_MS = 120_000
# What the planner goes by; the copy plans with the same.
_SETTINGS = [
    "work_mem",
    "hash_mem_multiplier",
    "random_page_cost",
    "seq_page_cost",
    "cpu_tuple_cost",
    "cpu_index_tuple_cost",
    "cpu_operator_cost",
    "effective_cache_size",
    "effective_io_concurrency",
    "jit",
    "jit_above_cost",
    "max_parallel_workers_per_gather",
    "from_collapse_limit",
    "join_collapse_limit",
    "default_statistics_target",
    "enable_seqscan",
    "enable_hashjoin",
    "enable_nestloop",
    "enable_mergejoin",
    "enable_memoize",
]


class NoCopy(Refused):
    """No copy with rows can be had: the tables are too large, or no tables of their own."""


@dataclass(frozen=True, slots=True)
class FilledCopy:
    """A copy to try things on. rows: of each table that was copied, by identity. place: what it is, where it is no copy of ours."""

    connection: Connection
    rows: dict[str, int]
    place: str = ""

    @property
    def words(self) -> str:
        """What it holds, for people."""
        if self.place:
            return self.place
        tables = f"{len(self.rows)} table{'s' * (len(self.rows) != 1)}"
        return f"a throw-away copy of {tables} with all {sum(self.rows.values()):,} rows"


@dataclass(frozen=True, slots=True)
class _Table:
    """A table to copy. columns: those that are stored and not generated."""

    identity: str
    columns: tuple[str, ...]
    size: int
    serials: tuple[str, ...] = ()


@asynccontextmanager
async def filled_copy(
    workspace: Workspace, template: str, tables: Sequence[str], *, neighbours: bool = False, most: int = MOST
) -> AsyncIterator[FilledCopy]:
    """A copy of live with the rows of some tables, for the length of a block; the other tables are empty.

    template: of a sandbox that holds live's schema. tables: by identity. neighbours: also those that their foreign keys
    lead to or come from, which a change reads. most: bytes. Raises NoCopy when they are larger, or no tables of their own.
    """
    live = await workspace.live()
    chosen = await _tables(live, tables, neighbours=neighbours)
    _refuse_large(chosen, most)
    async with copy_of(workspace, template) as copy:
        triggers = await _silence(copy, chosen)
        async with given_over(copy) as lease, lease.session() as connection:
            rows = {}
            async with read_only(live, statement_timeout_ms=READING_MS):
                settings = await read_rows(
                    live, f"select name, reset_val as setting from pg_settings where name in ({_listed(_SETTINGS)})"
                )
                for number, table in enumerate(chosen, 1):
                    workspace.progress(f"copying {table.identity}", number / (len(chosen) + 1))
                    rows[table.identity] = await _copy_rows(live, connection, table)
            await _awaken(copy, chosen, triggers)
            await _settle(connection, chosen, settings)
            yield FilledCopy(connection, rows)


async def _tables(live: Connection, names: Sequence[str], *, neighbours: bool) -> tuple[_Table, ...]:
    """The tables to copy, as live knows them."""
    related = (
        " union select confrelid from pg_constraint, wanted where conrelid = wanted.oid and contype = 'f'"
        " union select conrelid from pg_constraint, wanted where confrelid = wanted.oid and contype = 'f'"
        if neighbours
        else ""
    )
    rows = await read_rows(
        live,
        f"""with wanted as (select to_regclass(name)::oid as oid from unnest(array[{_listed(names)}]::text[]) name),
                 chosen as (select oid from wanted {related})
            select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as identity, c.relkind::text as kind,
                   pg_table_size(c.oid) as size,
                   array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                         and a.attgenerated = '' order by a.attnum) as columns,
                   array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                         and pg_get_serial_sequence(c.oid::regclass::text, a.attname) is not null) as serials
            from chosen join pg_class c using (oid) join pg_namespace n on n.oid = c.relnamespace order by 1""",
    )
    for row in rows:
        if row["kind"] not in ("r", "p"):
            raise NoCopy(
                f"{row['identity']} is no table of its own, and its rows cannot be put into a copy.",
                "Measure on a database that is a copy: give its URL as DBARCH_DATABASE_URL.",
            )
    return tuple(
        _Table(row["identity"], tuple(row["columns"]), row["size"], tuple(row["serials"]))
        for row in rows
        if row["kind"] == "r"
    )


def _refuse_large(tables: Sequence[_Table], most: int) -> None:
    whole = sum(table.size for table in tables)
    if whole > most:
        largest = max(tables, key=lambda table: table.size)
        raise NoCopy(
            f"The tables of this statement take {whole / 1024**2:,.0f} MB, {largest.identity} most of it; copies are made up to {most / 1024**2:,.0f} MB.",
            'At Neon call it with on="branch": a fresh branch holds all rows. Else give the URL of a restored backup as '
            "DBARCH_DATABASE_URL.",
        )


async def _silence(copy: Copy, tables: Sequence[_Table]) -> list[dict[str, str]]:
    """Switch triggers and foreign keys off while rows are put in; -> those that were not in their usual state."""
    names = _listed([table.identity for table in tables])
    unusual = await read_rows(
        copy.connection,
        f"""select tgrelid::regclass::text as relation, quote_ident(tgname) as name, tgenabled::text as state from pg_trigger
            where tgrelid in (select to_regclass(name) from unnest(array[{names}]::text[]) name) and tgenabled <> 'O'""",
    )
    with translating("preparing a copy"):
        for table in tables:
            await copy.connection.execute(f"alter table {table.identity} disable trigger all")
    return unusual


async def _awaken(copy: Copy, tables: Sequence[_Table], unusual: list[dict[str, str]]) -> None:
    words = {"D": "disable", "R": "enable replica", "A": "enable always"}
    with translating("preparing a copy"):
        for table in tables:
            await copy.connection.execute(f"alter table {table.identity} enable trigger all")
        for one in unusual:
            await copy.connection.execute(f"alter table {one['relation']} {words[one['state']]} trigger {one['name']}")


async def _copy_rows(live: Connection, connection: Connection, table: _Table) -> int:
    """Copy the rows of one table; -> how many. Text, for arrays of enums carry numbers of their own server in binary."""
    if not table.columns:
        return 0
    columns = ", ".join(map(quote, table.columns))
    schema, name = split(table.identity)
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as held, translating(f"copying {table.identity}"):
        stream = cast("BinaryIO", held)
        await live.copy_from_query(f"select {columns} from only {table.identity}", output=stream)
        stream.seek(0)
        done = await connection.copy_to_table(name, schema_name=schema, columns=list(table.columns), source=stream)
    return int(done.rpartition(" ")[2])


async def _settle(connection: Connection, tables: Sequence[_Table], settings: list[dict[str, str]]) -> None:
    """Sequences behind the last row, statistics and the visibility map fresh, the planner's settings as on live."""
    with translating("preparing a copy"):
        for table in tables:
            for column in table.serials:
                await connection.execute(
                    f"select setval(pg_get_serial_sequence({literal(table.identity)}, {literal(column)}), coalesce(max({quote(column)}), 0) + 1, false)"
                    f" from {table.identity}"
                )
            await connection.execute(f"vacuum (analyze) {table.identity}")
        for row in settings:
            await connection.execute("select set_config($1, $2, false)", row["name"], row["setting"])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(literal(name) for name in names)
