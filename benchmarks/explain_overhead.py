"""What explain_query takes beside the bare EXPLAIN: for a plan of 50 nodes, findings, page and text included.

    python -m benchmarks.explain_overhead [--rounds 30]

Both ask the same server in turn, after a round that warms both up, and another statement each round, so that nothing is
remembered; the bar is 30 ms for the median of the differences.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from mcp_server.model.query_json import read_plan
from mcp_server.operations.explain import explain_query
from mcp_server.world.database import connect
from mcp_server.world.sandbox import open_sandboxes
from mcp_server.world.settings import Settings
from mcp_server.world.workspace import Workspace

BAR_MS = 30.0
TABLES = 13
NODES = 50


def schema() -> str:
    """Tables that refer to each other in a row, each with rows and an index."""
    return "".join(
        f"create table t{number} (id int primary key, other int not null, name text not null);"
        f"insert into t{number} select g, 1 + g % 200, 'n' || g from generate_series(1, 200) g;"
        f"create index on t{number} (other); analyze t{number};"
        for number in range(TABLES)
    )


def query(number: int = 0) -> str:
    """A join of all of them, with a sort, groups and subqueries: 50 nodes. number: makes it another text."""
    joins = " ".join(f"join t{number} on t{number}.id = t{number - 1}.other" for number in range(1, TABLES))
    counts = ", ".join(f"(select count(*) from t{number} x where x.other = t0.id) as c{number}" for number in range(6))
    return f"select t0.id, {counts}, count(*) from t0 {joins} where t3.name > 'n{number}' group by t0.id order by 2 desc, 1 limit 20"


async def measure(place: Path, rounds: int) -> tuple[int, list[float], list[float], float]:
    """The plan's nodes, milliseconds of each round, bare and by explain_query, and those of this process's CPU a round."""
    async with await open_sandboxes(cache=place) as sandboxes, sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        await connection.execute("set join_collapse_limit = 1")
        await connection.execute(schema())
        settings = Settings(root=place, database_url=sandbox.url, cache=place / "cache")
        async with Workspace(settings).call() as workspace:
            bare, whole, busy = [], [], 0.0
            for number in range(rounds + 1):
                began = time.perf_counter()
                document = await connection.fetchval(
                    f"explain (format json, verbose, settings, summary) {query(number)}"
                )
                middle = time.perf_counter()
                cpu = time.process_time()
                await explain_query(workspace, query(number))
                busy += (time.process_time() - cpu) * 1000 if number else 0.0
                bare.append((middle - began) * 1000)
                whole.append((time.perf_counter() - middle) * 1000)
        await connection.close()
    return sum(1 for _ in read_plan(document).nodes()), bare[1:], whole[1:], busy / rounds


def main() -> int:
    """Print the figures; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o711)
        nodes, bare, whole, cpu = asyncio.run(measure(place, rounds))
    over = median(after - before for before, after in zip(bare, whole, strict=True))
    print(
        f"{nodes} nodes: EXPLAIN {median(bare):.1f} ms, explain_query {median(whole):.1f} ms, {median(whole) / median(bare):.1f} times"
    )
    print(f"over it {over:.1f} ms (bar {BAR_MS:.0f}); CPU of this process {cpu:.1f} ms a round")
    return int(over > BAR_MS or nodes < NODES - 5)


if __name__ == "__main__":
    sys.exit(main())
