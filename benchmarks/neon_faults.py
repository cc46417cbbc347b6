"""Work through an emulated Neon that fails in seeded ways: what must hold is looked at after every run.

    python -m benchmarks.neon_faults 200 [first seed]

Suspends, slow and refused wakes, sockets that drop or fall silent at each step of a handshake, restarts of the pooler, a
wrong password, a quota, an endpoint that is gone; see tests/neon/faulty.py for what a run does and what is held against it.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from mcp_server.world.sandbox import open_sandboxes
from tests.neon.bouncer_program import find_pgbouncer
from tests.neon.faulty import Bench, Run
from tests.neon.ground import open_ground


async def carry_out(count: int, first: int) -> list[Run]:
    with tempfile.TemporaryDirectory(prefix="dbarch-neon-") as made:
        folder = Path(made)
        os.chmod(made, 0o755)  # PgBouncer and Postgres do not run as root, and must get in
        async with await open_sandboxes(cache=folder / "cache") as sandboxes:
            await sandboxes.start()
            async with open_ground(sandboxes, find_pgbouncer(), folder / "neon") as ground:
                bench = Bench(ground, folder / "project")
                bench.folder.mkdir()
                await bench.prepare()
                runs = []
                for seed in range(first, first + count):
                    runs.append(await bench.run(seed))
                    _tell(runs[-1])
                return runs


def _tell(run: Run) -> None:
    mark = f"PROBLEM {run.problem}" if run.problem else run.ended
    print(
        f"{run.seed:5} {run.fault:28} {run.work:15} {run.connections:2} logins {run.seconds:5.1f} s  {mark}", flush=True
    )


def summarise(runs: list[Run]) -> None:
    """A line for each fault: how many runs, how many were answered, the longest."""
    by_fault = defaultdict(list)
    for run in runs:
        by_fault[run.fault].append(run)
    print("\n| fault | runs | answered | longest | problems |\n|---|---|---|---|---|")
    for fault, group in sorted(by_fault.items()):
        answered = sum(run.ended == "answered" for run in group)
        wrong = sum(bool(run.problem) for run in group)
        print(f"| {fault} | {len(group)} | {answered} | {max(run.seconds for run in group):.1f} s | {wrong} |")
    print(f"\n{len(runs)} runs, {sum(bool(run.problem) for run in runs)} problems")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]] or [200]
    found = asyncio.run(carry_out(given[0], given[1] if len(given) > 1 else 1))
    summarise(found)
    sys.exit(any(run.problem for run in found))
