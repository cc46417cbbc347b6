"""How long it takes to know a schema: our reader, SQLAlchemy's reflection, one query a table.

    python -m benchmarks.inspection [10 100 1000 10000]

Same machine, same run, contenders in turn, medians. Each time is from opening the connection to having the schema.
`far` is through a proxy that adds 20 ms to each round trip. Ratios are what counts: the machine's speed cancels out.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks.delay import delayed
from benchmarks.generate import batches
from mcp_server.world.catalog import read_schema, read_tables, read_with_state, revalidate, statement
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, open_sandboxes

ROUND_TRIP_MS = 20.0
COLUMNS = """select a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum"""
CONSTRAINTS = "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = $1"
INDEXES = "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indrelid = $1"
TABLES = "select oid from pg_class where relkind in ('r', 'p') and oid >= 16384 and relnamespace <> 99"

Read = Callable[[str], Awaitable[object]]


async def ours(url: str) -> object:
    """The one reader, on a fresh connection."""
    connection = await connect(url)
    schema = await read_schema(connection)
    await connection.close()
    return schema


async def ours_parsed(url: str) -> object:
    """The same, and every object parsed."""
    connection = await connect(url)
    schema = await read_schema(connection)
    await connection.close()
    return len(schema)


async def reflection(url: str) -> object:
    """SQLAlchemy's MetaData.reflect of all schemas, psycopg."""
    return await asyncio.to_thread(_reflect, url)


def _reflect(url: str) -> object:
    from sqlalchemy import MetaData, create_engine, inspect
    from sqlalchemy.pool import NullPool

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    metadata = MetaData()
    warnings.simplefilter("ignore")  # types that SQLAlchemy does not know
    with engine.connect() as connection:
        names = [name for name in inspect(connection).get_schema_names() if name != "information_schema"]
        for name in names:
            metadata.reflect(connection, schema=name, views=True)
    return metadata


async def query_a_table(url: str) -> object:
    """One query a table and kind: columns, constraints, indexes; prepared once."""
    connection = await connect(url)
    columns, constraints, indexes = [await connection.prepare(sql) for sql in (COLUMNS, CONSTRAINTS, INDEXES)]
    found = [
        [await asked.fetch(row["oid"]) for asked in (columns, constraints, indexes)]
        for row in await connection.fetch(TABLES)
    ]
    await connection.close()
    return found


@dataclass(frozen=True)
class Row:
    """Median milliseconds of one contender."""

    name: str
    near: float
    far: float | None


async def measure(read: Read, url: str, rounds: int) -> float:
    times: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        await read(url)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def contenders(size: int) -> dict[str, tuple[Read, int, bool]]:
    """Name -> (how, how often, also far away). What takes minutes is left out, and stands as a dash."""
    return {
        "dbarch": (ours, 7 if size < 10_000 else 5, True),
        "dbarch, every object parsed": (ours_parsed, 7 if size < 10_000 else 3, True),
        "MetaData.reflect": (reflection, 5 if size < 1_000 else 3 if size < 10_000 else 1, size < 10_000),
        "one query a table and kind": (query_a_table, 5 if size < 1_000 else 3 if size < 10_000 else 1, size <= 100),
    }


async def compare(size: int, near: str, far: str) -> list[Row]:
    rows: list[Row] = []
    for name, (read, rounds, also_far) in contenders(size).items():
        await read(near) if rounds > 1 else None
        rows.append(
            Row(name, await measure(read, near, rounds), await measure(read, far, rounds) if also_far else None)
        )
    return rows


async def point_and_state(url: str) -> dict[str, float]:
    """One table of many, revalidation, and the server's own time for the whole reading, in milliseconds."""
    connection = await connect(url)
    schema, state = await read_with_state(connection)
    name = next(key for key in schema.groups if key.count(".") == 1)

    async def timed(action: Callable[[], Awaitable[object]], rounds: int = 15) -> float:
        times: list[float] = []
        for _ in range(rounds):
            started = time.perf_counter()
            await action()
            times.append((time.perf_counter() - started) * 1000)
        return statistics.median(times)

    found = {"one table": await timed(lambda: read_tables(connection, [name]))}
    found["revalidate, nothing written"] = await timed(lambda: revalidate(connection, state))
    await connection.execute("create temp table touched (); drop table touched")
    found["revalidate, something written"] = await timed(lambda: revalidate(connection, state), 5)
    found["whole reading, warm connection"] = await timed(lambda: read_schema(connection), 5)
    sql = statement(connection.get_server_version().major * 10000)
    await connection.execute("set search_path = pg_catalog; set jit = off")
    own = [await connection.fetch(f"explain (analyze, timing off) {sql}") for _ in range(5)]
    found["the server's own time for it"] = statistics.median(
        sum(float(row[0].split(":")[1].split()[0]) for row in plan[-2:]) for plan in own
    )
    await connection.close()
    return found


def table(size: int, rows: list[Row]) -> str:
    """The rows as Markdown, with ratios to ours."""
    base = rows[0]
    lines = [
        f"\n### {size:,} tables\n",
        "| reader | socket, ms | ratio | 20 ms round trips, ms | ratio |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        far = f"{row.far:,.0f} | {row.far / (base.far or 1):.1f}" if row.far is not None else "- | -"
        lines.append(f"| {row.name} | {row.near:,.0f} | {row.near / base.near:.1f} | {far} |")
    return "\n".join(lines)


async def run(sizes: list[int]) -> None:
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_folder())
        sandboxes = await stack.enter_async_context(await open_sandboxes(cache=folder, near_version=180000))
        for size in sizes:
            async with sandboxes.lend() as sandbox:
                await _fill(sandbox, size)
                async with delayed(address(sandbox.url), ROUND_TRIP_MS / 2) as (host, port):
                    rows = await compare(size, sandbox.url, through(sandbox.url, host, port))
                print(table(size, rows))
                for name, value in (await point_and_state(sandbox.url)).items():
                    print(f"- {name}: {value:,.1f} ms")
                sys.stdout.flush()


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder that the server's own user may enter."""
    with TemporaryDirectory(prefix="dbarch-bench-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def _fill(sandbox: Sandbox, size: int) -> None:
    connection = await connect(sandbox.url)
    for batch in batches(size):
        await connection.execute(batch)
    await connection.execute("analyze pg_catalog.pg_class; analyze pg_catalog.pg_attribute; analyze pg_catalog.pg_constraint; "
                             "analyze pg_catalog.pg_index; analyze pg_catalog.pg_attrdef; analyze pg_catalog.pg_depend; "
                             "analyze pg_catalog.pg_type; analyze pg_catalog.pg_description; analyze pg_catalog.pg_trigger")  # fmt: skip
    await connection.close()


def address(url: str) -> str | tuple[str, int]:
    """Where a sandbox listens, as delayed() takes it."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    port = parts.port or int(parse_qs(parts.query).get("port", ["5432"])[0])
    return f"{unquote(folder)}/.s.PGSQL.{port}" if folder.startswith("/") else (parts.hostname or "127.0.0.1", port)


def through(url: str, host: str, port: int) -> str:
    """The same database by way of the proxy, which speaks no TLS."""
    parts = urlsplit(url)
    login = f"{parts.username}:{parts.password}@" if parts.password else f"{parts.username}@"
    return f"postgresql://{login}{host}:{port}{parts.path}?sslmode=disable"


if __name__ == "__main__":
    asyncio.run(run([int(word) for word in sys.argv[1:]] or [10, 100, 1_000, 10_000]))
