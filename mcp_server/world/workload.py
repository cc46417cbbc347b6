"""What a database is asked: from pg_stat_statements, from a file, from a watch of the application, or as given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_server.errors import ConfigError, NotFound, Refused, StatementFailed
from mcp_server.model.names import quote
from mcp_server.model.workload import Query, Workload
from mcp_server.world.catalog import read_rows
from mcp_server.world.placeholders import with_numbers
from mcp_server.world.sql import read_statement
from mcp_server.world.sql_tree import statements_of

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

MOST = 100
LARGEST_FILE = 5_000_000
FILE = "file:"
_READ = ("select", "insert", "update", "delete", "merge")
_WHERE = """
    select n.nspname as schema, c.relname as view from pg_extension e join pg_namespace n on n.oid = e.extnamespace
    join pg_class c on c.relnamespace = n.oid and c.relname in ('pg_stat_statements', 'pg_stat_statements_info')
    where e.extname = 'pg_stat_statements' order by 2
"""
_HINT = 'Give the statements in queries, or queries=["file:workload.sql"], or a file that dbarch.watch() saved.'


async def read_workload(connection: Connection, queries: Sequence[str], root: Path) -> Workload:
    """The statements to find indexes for. queries: statements, or `file:` and a path; () for pg_stat_statements.

    Raises ConfigError when the server keeps no statements, Refused when none is left, NotFound for a file.
    """
    found = _given(queries, root) if queries else await _kept(connection)
    kept: dict[str, Query] = {}
    notes = list(found.notes)
    left = 0
    for query in found.queries:
        text = _planned(query.text)
        if text and text not in kept and len(kept) < MOST:
            kept[text] = Query(f"q{len(kept) + 1}", text, query.calls, query.total_ms)
        elif not text or text not in kept:
            left += 1
    if left:
        notes.append(f"{left} statements were left out: not queries, not readable, or beyond the first {MOST}.")
    if not kept:
        raise Refused(f"There is no query in {found.origin}.", _HINT)
    return Workload(tuple(kept.values()), found.origin, tuple(notes))


def _planned(sql: str) -> str:
    """The statement with `$n` alone, "" when it has no plan that an index could serve."""
    try:
        statement = read_statement(with_numbers(sql).text)
    except (StatementFailed, Refused):
        return ""
    return statement.text if statement.kind in _READ else ""


def _given(queries: Sequence[str], root: Path) -> Workload:
    found: list[Query] = []
    files: list[str] = []
    for one in queries:
        if one.startswith(FILE):
            files.append(one.removeprefix(FILE))
            found += _of_file(root, files[-1])
        else:
            found.append(Query("", one))
    return Workload(tuple(found), f"the file {', '.join(files)}" if files else "the statements given")


def _of_file(root: Path, name: str) -> Iterator[Query]:
    path = (root / name).resolve()
    if not path.is_file() or not path.is_relative_to(root.resolve()):
        raise NotFound(f"There is no file {name} in the project.", "Name it relative to the project's folder.")
    if path.stat().st_size > LARGEST_FILE:
        raise Refused(f"{name} is larger than {LARGEST_FILE // 1_000_000} MB.", "Keep the statements that matter.")
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".json":
        yield from _watched(name, text)
    else:
        yield from (Query("", one) for one in statements_of(text))


def _watched(name: str, text: str) -> Iterator[Query]:
    """What Watch.save() wrote: [{"sql": …, "calls": …}]."""
    try:
        listed: list[dict[str, Any]] = json.loads(text)
        yield from (Query("", str(one["sql"]), float(one.get("calls", 1))) for one in listed)
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"{name} is not what dbarch.watch() saves.", 'It holds [{"sql": "…", "calls": 1}, …].') from error


async def _kept(connection: Connection) -> Workload:
    """The statements that took most time, as the server counted them."""
    views = {row["view"]: row["schema"] for row in await read_rows(connection, _WHERE)}
    if "pg_stat_statements" not in views:
        raise ConfigError("The database has no pg_stat_statements, which would know what is slow.", _HINT)
    schema = quote(views["pg_stat_statements"])
    rows = await read_rows(
        connection,
        f"""select query, sum(calls)::float8 as calls, sum(total_exec_time) as total from {schema}.pg_stat_statements
            where dbid = (select oid from pg_database where datname = current_database()) and query !~* '^\\s*(explain|copy|begin|commit|set|show)'
              and query !~* 'pg_catalog|pg_stat_' group by 1 order by 3 desc limit {MOST}""",
    )
    queries = tuple(Query("", row["query"], row["calls"], row["total"]) for row in rows)
    return Workload(queries, "pg_stat_statements", tuple([note async for note in _age(connection, views)]))


async def _age(connection: Connection, views: dict[str, str]) -> Any:
    """How long the counting has gone on."""
    if "pg_stat_statements_info" in views:
        (row,) = await read_rows(
            connection,
            f"""select to_char(stats_reset at time zone 'utc', 'YYYY-MM-DD HH24:MI') as since, round(extract(epoch from now() - stats_reset) / 3600) as hours,
                dealloc from {quote(views["pg_stat_statements_info"])}.pg_stat_statements_info""",
        )
        yield f"pg_stat_statements counts since {row['since']} UTC ({row['hours']:,} hours); what ran before is not in it."
        if row["dealloc"]:
            yield f"It dropped rare statements {row['dealloc']} times for want of room."
