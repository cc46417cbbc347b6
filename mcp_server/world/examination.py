"""A plan that was made -> Examined: with its tables, their use and statistics, and what its conditions and text say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.model.examined import ColumnStatistics, Examined, TablePages
from mcp_server.model.names import literal, qualified
from mcp_server.model.query import QueryPlan
from mcp_server.world.asked import read_asked
from mcp_server.world.catalog import read_rows, read_tables
from mcp_server.world.conditions import read_comparisons
from mcp_server.world.usage import read_surroundings

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_KNOWN = """
    select c.oid::regclass::text as name, n.nspname as schema, c.relname as relation, a.attname as column, s.n_distinct as distinct,
           s.null_frac as nulls, s.avg_width as width, s.correlation, c.relpages as pages, c.relallvisible as visible,
           coalesce(pg_stat_get_mod_since_analyze(c.oid), 0) as changed
    from unnest(array[{tables}]::text[]) as wanted (name)
    join pg_class c on c.oid = to_regclass(wanted.name)
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
"""


async def examine(
    connection: Connection, sql: str, kind: str, plan: QueryPlan, generic: QueryPlan | None = None
) -> Examined:
    """All that rules may know of a statement. sql: with `$n` alone. Three round trips, whatever the plan's size."""
    tables = tuple(dict.fromkeys(qualified(schema, name) for schema, name in plan.relations if schema))
    version = connection.get_server_version()
    found = Examined(
        sql=sql,
        kind=kind,
        plan=plan,
        comparisons=read_comparisons(plan),
        asked=read_asked(sql),
        generic=generic,
        extensions=frozenset(row["extname"] for row in await read_rows(connection, "select extname from pg_extension")),
        version=version.major * 10_000 + version.minor,
    )
    return await _with_tables(connection, found, tables) if tables else found


async def _with_tables(connection: Connection, found: Examined, tables: tuple[str, ...]) -> Examined:
    rows = await read_rows(connection, _KNOWN.format(tables=", ".join(literal(name) for name in tables)))
    columns: dict[tuple[str, str], ColumnStatistics] = {}
    pages: dict[str, TablePages] = {}
    for row in rows:
        table = qualified(row["schema"], row["relation"])
        pages[table] = TablePages(row["pages"], row["visible"], row["changed"])
        columns[table, row["column"]] = ColumnStatistics(
            row["distinct"] or 0.0, row["nulls"] or 0.0, row["width"] or 0, row["correlation"]
        )
    return replace(
        found,
        schema=await read_tables(connection, tables),
        usage=(await read_surroundings(connection, tables)).usage,
        columns=columns,
        pages=pages,
    )
