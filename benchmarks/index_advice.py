"""What recommend_indexes saves, measured anew and apart from it: by a script of its own, with other values.

    python -m benchmarks.index_advice mixed [TICKETS] [SECONDS] [BUDGET_MB]
    python -m benchmarks.index_advice courier [PARCELS] [SECONDS] [BUDGET_MB]
    python -m benchmarks.index_advice star [SALES] [SECONDS] [BUDGET_MB]
    python -m benchmarks.index_advice tpch FOLDER [SECONDS] [BUDGET_MB]     (.tbl files of `tpchgen-cli -s 1`)

The advised indexes are built on the database itself, and every statement is run without and with them, in turn (an index is
hidden by pg_index.indisvalid). A time is the least of its runs, of twice as many where it seems slower: the processor's
time of the server's process, or Postgres's own where that is less. The tool is given one set of values; TPC-H and the
star are scored with another. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING, Any

from benchmarks import courier_workload, mixed_workload, star_workload, tpch
from mcp_server.operations.indexes import recommend_indexes
from mcp_server.world.database import connect
from mcp_server.world.sandbox import open_sandboxes
from mcp_server.world.shelf import Shelf
from mcp_server.world.workspace import Settings, Workspace

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

PAIRS = 3
SHOW = "update pg_index set indisvalid = $1 where indexrelid in (select oid from pg_class where relname like 'bench\\_ix\\_%')"


@dataclass(frozen=True)
class Bench:
    """A workload. given: what the tool sees. scored: what is measured. bars: of the whole saving, and of each statement.

    buffers_mb: shared_buffers of the server that stands for the one in use; 0 for Postgres's default.
    """

    given: dict[str, str]
    scored: dict[str, str]
    seconds: float
    budget: float
    least_saved: float = 0.0
    least_each: float = 0.0
    buffers_mb: int = 0


async def run(bench: Bench, fill: Any) -> bool:
    """Load, advise, build, score; whether the bars are met."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o711)  # noqa: ASYNC240 (a benchmark of its own)
        async with (
            await open_sandboxes(cache=root / "live", buffers_mb=bench.buffers_mb) as server,
            await open_sandboxes(cache=root / "cache") as sandboxes,
            server.lend() as live,
        ):
            await sandboxes.start()
            connection = await connect(live.url)
            await fill(connection)
            shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes})
            workspace = Workspace(Settings(root=root, database_url=live.url, cache=root / "cache"), print, shelf)
            began = perf_counter()
            answer = await recommend_indexes(
                workspace, tuple(bench.given.values()), bench.budget, seconds=bench.seconds
            )
            print(answer.text, f"\nadvised in {perf_counter() - began:.0f} s", flush=True)
            assert isinstance(answer.data, dict)
            indexes = [one["statement"] for one in answer.data["indexes"]]
            passed = await score(connection, bench, indexes)
            await connection.close()
            return passed


async def score(connection: Connection, bench: Bench, indexes: list[str]) -> bool:
    """Build the indexes and measure every statement without and with them."""
    for number, statement in enumerate(indexes):
        shape = statement.split(" ON ", 1)[1]
        await connection.execute(f"create index bench_ix_{number} on {shape}")
    await connection.execute("set max_parallel_workers_per_gather = 0; set jit = off; set statement_timeout = '300s'")
    await connection.execute("analyze")
    size = await connection.fetchval(
        "select sum(pg_relation_size(oid)) from pg_class where relname like 'bench\\_ix\\_%'"
    )
    times = {name: await _pair(connection, sql) for name, sql in bench.scored.items()}
    for name, (off, on) in times.items():
        print(f"{name:24} {off:10.2f} -> {on:10.2f} ms {off / on:9.1f}x")
    before, after = sum(off for off, _ in times.values()), sum(on for _, on in times.values())
    speedups = [off / on for off, on in times.values()]
    slower = [name for name, (off, on) in times.items() if is_slower(off, on)]
    saved = 1 - after / before
    print(
        f"{len(indexes)} indexes, {(size or 0) / 1048576:.0f} MB of {bench.budget:.0f}; {before:,.0f} -> {after:,.0f} ms: {saved:.1%} saved"
    )
    geometric = exp(sum(map(log, speedups)) / len(speedups))
    print(
        f"geometric mean {geometric:.1f}x; at least 10x: {sum(one >= 10 for one in speedups)} of {len(speedups)}; slower: {slower}"
    )
    fits = (size or 0) <= bench.budget * 1048576
    return fits and not slower and saved >= bench.least_saved and min(speedups) >= bench.least_each


async def _pair(connection: Connection, sql: str) -> tuple[float, float]:
    off, on = [], []
    await connection.execute(SHOW, True)
    if "bench_ix_" not in await connection.fetchval(f"explain (format json) {sql}"):
        same = await _time(connection, sql)  # the same plan with and without them
        return same, same
    for _ in range(2):
        for _ in range(PAIRS):
            for valid, times in ((False, off), (True, on)):
                await connection.execute(SHOW, valid)
                times.append(await _time(connection, sql))
        if not is_slower(min(off), min(on)):  # else others may have had the machine: it has to be so again
            break
    return min(off), min(on)


def is_slower(off: float, on: float) -> bool:
    return on >= 1.1 * off and on - off >= 2


async def _time(connection: Connection, sql: str) -> float:
    spent = _processor(connection)
    document = json.loads(await connection.fetchval(f"explain (analyze, timing off, format json) {sql}"))
    return min(float(document[0]["Execution Time"]), (_processor(connection) - spent) / 1e6)


def _processor(connection: Connection) -> int:
    return int(Path(f"/proc/{connection.get_server_pid()}/schedstat").read_text().split()[0])


def filled(module: ModuleType, rows: int) -> Any:
    """What fills a database with the tables of a workload."""

    async def fill(connection: Connection) -> None:
        await connection.execute(module.SCHEMA)
        for statement in module.ROWS:
            await connection.execute(statement.replace("$1", str(rows)))
        await connection.execute("vacuum analyze")

    return fill


def each(module: ModuleType, rows: float = 100_000, seconds: float = 300, budget: float = 300) -> bool:
    """A workload whose statements each want another kind of index: ten times faster every one."""
    scored = {name: sql.replace("$1", module.VALUE) for name, sql in module.QUERIES.items()}
    bench = Bench(module.QUERIES, scored, seconds, budget, least_each=10.0)
    return asyncio.run(run(bench, filled(module, round(rows))))


def star(rows: float = 400_000, seconds: float = 300, budget: float = 40) -> bool:
    given, scored = star_workload.queries(star_workload.TUNED), star_workload.queries(star_workload.OTHERS)
    return asyncio.run(run(Bench(given, scored, seconds, budget, least_saved=0.2), filled(star_workload, round(rows))))


def of_tpch(folder: str, seconds: float = 900, budget: float = 640) -> bool:
    async def fill(connection: Connection) -> None:
        for setting in tpch.SETTINGS:
            await connection.execute(f"set {setting}")
            await connection.execute(
                f"do $$begin execute format('alter database %I set {setting.replace(chr(39), chr(39) * 2)}', current_database()); end$$"
            )
        await tpch.load(connection, Path(folder))

    given, scored = tpch.queries(tpch.TUNED), tpch.queries(tpch.OTHERS)
    bench = Bench(given, scored, seconds, budget, least_saved=0.33, buffers_mb=tpch.BUFFERS_MB)
    return asyncio.run(run(bench, fill))


def main(kind: str = "mixed", *rest: str) -> bool:
    if kind == "tpch":
        return of_tpch(rest[0], *map(float, rest[1:]))
    if kind == "star":
        return star(*map(float, rest))
    return each(courier_workload if kind == "courier" else mixed_workload, *map(float, rest))


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
