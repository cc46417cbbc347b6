"""The review of a long history beside its own replay: `python -m benchmarks.long_history [REVISIONS] [--observed FOLDER]`.

The replay is `alembic upgrade head` of the same project in the same interpreter, on an empty database of the same server.
Reviewed are the history as a whole (`history`), the same and its last revision walked up, down and up (`head`), and every
revision, each statement of which is watched (`base:head`). Each round runs all of them, and knows nothing of the one
before; printed are medians of the seconds on the clock and of the processors (both ends: this process, those it starts,
and the server), and the ratio to the replay. --observed: a history of the statements of `alembic_replay_truth.jsonl`
in a folder, in place of the generated one. --together: all revisions in one transaction. --rounds N.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.histories import generated, observed, runnable, write_env, write_project
from mcp_server.model.answer import Answer
from mcp_server.operations.review import review_migration
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes, open_sandboxes
from mcp_server.world.settings import read_settings
from mcp_server.world.shelf import Shelf
from mcp_server.world.workspace import Workspace

REVIEWS = ("history", "head", "base:head")
REPLAY = "alembic upgrade head"
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Seconds: on the clock, and of processors."""

    clock: float
    processors: float


class Meter:
    """What runs cost. server: the process id of the postmaster, 0 where it cannot be told."""

    def __init__(self, server: int) -> None:
        self._server = server
        self.costs: dict[str, list[Cost]] = {}

    @asynccontextmanager
    async def measured(self, name: str) -> AsyncIterator[None]:
        """Note what a block costs."""
        began, spent = time.perf_counter(), self._spent()
        yield
        self.costs.setdefault(name, []).append(Cost(time.perf_counter() - began, self._spent() - spent))

    def _spent(self) -> float:
        return sum(os.times()[:4]) + sum(_of_process(one) for one in (self._server, *_children(self._server)))


def _of_process(pid: int) -> float:
    """Seconds of a process and of its children that have ended."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, words[11:15])) / TICK


def _children(pid: int) -> Iterator[int]:
    try:
        yield from map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    except OSError:
        return


async def replay(root: Path, sandbox: Sandbox) -> None:
    """`alembic upgrade head`, as anybody runs it."""
    url = sandbox.url.replace("postgresql://", "postgresql+psycopg://", 1)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alembic", "upgrade", "head", cwd=root, env={**os.environ, "BENCH_URL": url},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    if await process.wait():
        raise RuntimeError("the history does not replay")


async def review(root: Path, sandboxes: Sandboxes, word: str) -> Answer:
    """The project's history reviewed by a server that has just been opened."""
    shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes})
    workspace = Workspace(replace(read_settings(root, {}), cache=root / "cache"), None, shelf)
    return await review_migration(workspace, word)


async def run(given: argparse.Namespace, folder: Path) -> None:
    """Print the table."""
    async with await open_sandboxes(cache=folder / "cache", near_version=given.version * 10_000) as sandboxes:
        await sandboxes.start()
        root = folder / "project"
        write_project(root, await _bodies(given, sandboxes))
        meter = Meter(_postmaster(folder / "cache"))
        for number in range(given.rounds + 1):
            meter.costs = {} if number == 1 else meter.costs  # the first only warms up: the revisions get compiled
            await _round(root, sandboxes, meter, given, number)
        _print(meter)


async def _bodies(given: argparse.Namespace, sandboxes: Sandboxes) -> tuple[object, ...]:
    if given.observed is None:
        return tuple(generated(given.revisions))
    async with sandboxes.lend() as sandbox:
        connection = await connect(sandbox.url)
        try:
            return await runnable(connection, observed(given.observed), given.revisions)
        finally:
            await connection.close()


async def _round(root: Path, sandboxes: Sandboxes, meter: Meter, given: argparse.Namespace, number: int) -> None:
    words = given.only or REVIEWS
    write_env(root, number * len(words), apart=not given.together)
    async with sandboxes.lend() as sandbox, meter.measured(REPLAY):
        await replay(root, sandbox)
    for offset, word in enumerate(words):
        write_env(root, number * len(words) + offset, apart=not given.together)
        async with meter.measured(f"review {word}"):
            answer = await review(root, sandboxes, word)
        if number == 0:
            print(f"{word}: {answer.carried_out.get('statements')} statements; {answer.verdict}")


def _postmaster(cache: Path) -> int:
    """The server of a cache folder."""
    for pidfile in cache.rglob("postmaster.pid"):
        return int(pidfile.read_text().split("\n", 1)[0])
    return 0


def _print(meter: Meter) -> None:
    clock, processors = (
        {name: median(getattr(one, kind) for one in costs) for name, costs in meter.costs.items()}
        for kind in ("clock", "processors")
    )
    print("\n| | s | ratio | processors, s | ratio |\n|---|---|---|---|---|")
    for name in meter.costs:
        print(
            f"| {name} | {clock[name]:.2f} | {clock[name] / clock[REPLAY]:.2f} | {processors[name]:.2f} "
            f"| {processors[name] / processors[REPLAY]:.2f} |"
        )


if __name__ == "__main__":
    words = argparse.ArgumentParser()
    words.add_argument("revisions", type=int, nargs="?", default=300)
    words.add_argument("--observed", type=Path)
    words.add_argument("--together", action="store_true")
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--version", type=int, default=18)
    words.add_argument("--only", nargs="*", choices=REVIEWS)
    with TemporaryDirectory(prefix="dbarch-history-") as temporary:
        Path(temporary).chmod(0o711)
        asyncio.run(run(words.parse_args(), Path(temporary)))
