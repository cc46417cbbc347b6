"""A plan that was made -> Examined: with its tables, their use and statistics, and what its conditions and text say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mcp_server.model.condition import Comparison
from mcp_server.model.examined import Asked, ColumnStatistics, Examined, TablePages
from mcp_server.model.names import qualified, quote
from mcp_server.model.query import QueryPlan
from mcp_server.world.asked import read_asked
from mcp_server.world.catalog import read_sections, sections_sql
from mcp_server.world.conditions import read_comparisons
from mcp_server.world.database import together
from mcp_server.world.decode import decode
from mcp_server.world.lookup import GS, RS, US, Sections, flag, parts
from mcp_server.world.usage import usage_of

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

# What rules about a statement ask of its tables; no comments, sequences, triggers or policies. The first has a WITH.
_SECTIONS = (
    "usage", "header", "schemas", "roles", "access_methods", "collations", "operator_classes", "types", "relations",
    "columns", "defaults", "constraints", "indexes", "referenced", "column_statistics",
)  # fmt: skip


async def examine(
    connection: Connection, sql: str, kind: str, plan: QueryPlan, generic: QueryPlan | None = None
) -> Examined:
    """All that rules may know of a statement. sql: with `$n` alone. One round trip, during which the text is read."""
    tables = tuple(dict.fromkeys(qualified(schema, name) for schema, name in plan.relations if schema))
    reading = read_sections(connection, sections_sql(connection, _SECTIONS, tables))
    sections, (comparisons, asked) = await together(reading, _read_text(plan, sql))
    columns, pages = _known(sections)
    version = connection.get_server_version()
    return Examined(
        sql=sql,
        kind=kind,
        plan=plan,
        comparisons=comparisons,
        asked=asked,
        generic=generic,
        schema=decode(sections),
        usage=usage_of(sections),
        columns=columns,
        pages=pages,
        parallel_unsafe=tuple((name, text) for name, text in map(_pair, sections.get("unsafe", {}).values())),
        unknown=tuple(sorted(_unknown(sections))),
        extensions=frozenset(sections["extension"].values()),
        version=version.major * 10_000 + version.minor,
    )


def _pair(payload: str) -> tuple[str, str]:
    first, second = payload.split(US)
    return first, second


async def _read_text(plan: QueryPlan, sql: str) -> tuple[tuple[Comparison, ...], Asked]:
    """What the plan compares and the text asks for: work of this process alone, while the server is busy."""
    return read_comparisons(plan), read_asked(sql)


def _unknown(sections: Sections) -> Iterator[str]:
    """The tables that were never analyzed, for which the planner uses defaults."""
    for payload in sections.get("known", {}).values():
        schema, name, *_, never, _ = payload.split(US)
        if flag(never):
            yield quote(name) if schema == "public" else qualified(schema, name)


def _known(sections: Sections) -> tuple[dict[tuple[str, str], ColumnStatistics], dict[str, TablePages]]:
    """Statistics by (table, column), and pages by table."""
    columns: dict[tuple[str, str], ColumnStatistics] = {}
    pages: dict[str, TablePages] = {}
    for payload in sections.get("known", {}).values():
        schema, name, *counted, _, listed = payload.split(US)
        table = qualified(schema, name)
        pages[table] = TablePages(*map(int, counted))
        for column in parts(listed, RS):
            word, distinct, nulls, width, correlation = column.split(GS)
            columns[table, word] = ColumnStatistics(
                float(distinct or 0), float(nulls or 0), int(width or 0), float(correlation) if correlation else None
            )
    return columns, pages
