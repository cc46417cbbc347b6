"""Extend, the strongest published selection by what-if calls, beside our own search: on the same planner, with the same budget.

    python -m benchmarks.extend FOLDER [BUDGET_MB] [SECONDS]     (.tbl files of `tpchgen-cli -s 1`)
    python -m benchmarks.extend mixed|courier [ROWS] [BUDGET_MB]     (what it chooses there, built and scored as ours is)

The algorithm is written after R. Schlosser, J. Kossmann, M. Boissier: Efficient Scalable Multi-Attribute Index Selection Using
Recursive Strategies (ICDE 2019): begin with nothing; in each step either make an index of one column or put one column more at
the end of an index that was chosen, whatever saves most for the bytes that it adds; end when nothing fits or saves. Indexes have
at most two columns. Its sizes are those of HypoPG (https://github.com/HypoPG/hypopg), which it was published with: every entry
apart, and a fifth for bloat. Once more it is given our sizes. Exit code 1 when we ask more than one and a half times as many
plans, or cut less than 1.45 times as much.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING

from benchmarks import courier_workload, mixed_workload, tpch
from benchmarks.index_advice import Bench, filled, score
from mcp_server.model.candidate import Candidate
from mcp_server.model.schema import Table
from mcp_server.model.workload import Query, TableStatistics, Workload
from mcp_server.operations.index_search import estimate, offered, survey
from mcp_server.operations.index_understanding import Understood, understand
from mcp_server.planning.candidates import is_served
from mcp_server.planning.index_size import index_bytes
from mcp_server.planning.whole import making
from mcp_server.world.data_copy import ground_of, indexes_of, wanted_part
from mcp_server.world.database import connect
from mcp_server.world.sandbox import open_sandboxes
from mcp_server.world.shelf import Shelf
from mcp_server.world.table_statistics import Known, read_statistics
from mcp_server.world.what_if import Trial, pretend_indexes, pretend_tables
from mcp_server.world.workspace import Settings, Workspace

if TYPE_CHECKING:
    from mcp_server.model.schema import Schema

Set = frozenset[Candidate]
Sizes = Callable[[Candidate, TableStatistics], float]
WIDTH, LEAST = 2, 1.003
MORE_PLANS, MORE_CUT = 1.5, 1.45


@dataclass
class Peer:
    """A run of Extend. columns: of each table, those that each statement reads. asked: plans so far."""

    trial: Trial
    known: Known
    queries: Sequence[Query]
    columns: dict[str, dict[str, frozenset[str]]]
    size: Sizes
    prices: dict[tuple[str, Set], float] = field(default_factory=dict)
    asked: int = 0

    async def cost(self, chosen: Set) -> float:
        return sum([await self._price(query, chosen) for query in self.queries])

    async def _price(self, query: Query, chosen: Set) -> float:
        own = self.columns[query.name]
        seen = frozenset(one for one in chosen if own.get(one.table, frozenset()) & {*one.columns})
        if (query.name, seen) not in self.prices:
            self.asked += 1
            self.prices[query.name, seen] = (await self.trial.plan(query.runnable, seen))[0]
        return self.prices[query.name, seen]

    def bytes(self, chosen: Set) -> float:
        return sum(self.size(one, self.known.tables[one.table]) for one in chosen)

    async def make(self, wanted: Sequence[Candidate]) -> None:
        new = [one for one in wanted if one not in self.trial.parts and one not in self.trial.refused]
        sizes = {one: index_bytes(one, self.known.tables[one.table]) for one in new}
        await pretend_indexes(self.trial, self.known, new, sizes, {})


def hypothetical_bytes(one: Candidate, table: TableStatistics) -> float:
    """What HypoPG says of a B-tree: 8 bytes a column and 4 for its place, rounded to 8, beside the values; 1.3 times that."""
    width = sum(table.columns[name].width for name in one.columns)
    entry = width + 8 * len(one.columns) + -(-4 * len(one.columns) // 8) * 8
    return 8192 * max(table.rows * entry * 1.3 // (8192 - 24 - 16), 1)


def steps(peer: Peer, schema: Schema, chosen: Set) -> list[Set]:
    """The sets that one step more could lead to."""
    columns: dict[str, set[str]] = {}
    for own in peer.columns.values():
        for table, names in own.items():
            columns.setdefault(table, set()).update(names)
    single = [Candidate(table, (name,), (name,)) for table, names in sorted(columns.items()) for name in sorted(names)]
    new = [chosen | {one} for one in single if one not in chosen and not is_served(one, indexes_of(schema, one.table))]
    wider = [
        (chosen - {one}) | {replace(one, keys=(*one.keys, name), columns=(*one.columns, name))}
        for one in sorted(chosen)
        for name in sorted(columns[one.table])
        if len(one.keys) < WIDTH and name not in one.columns
    ]
    return [*new, *wider]


async def extend(peer: Peer, schema: Schema, budget: float) -> tuple[Set, float]:
    """What Extend chooses, and the part of the cost that it cuts."""
    chosen: Set = frozenset()
    whole = now = await peer.cost(chosen)
    while True:
        offers = [one for one in steps(peer, schema, chosen) if peer.bytes(one) <= budget]
        await peer.make(sorted({one for offer in offers for one in offer}))
        best: tuple[float, Set, float] | None = None
        for offer in offers:
            cost = await peer.cost(offer)
            ratio = (now - cost) / max(peer.bytes(offer) - peer.bytes(chosen), 1.0)
            if cost * LEAST < now and (best is None or ratio > best[0]):
                best = ratio, offer, cost
        if best is None:
            return chosen, 1 - now / whole
        chosen, now = best[1], best[2]


def read_columns(understood: Understood) -> dict[str, dict[str, frozenset[str]]]:
    found: dict[str, dict[str, frozenset[str]]] = {}
    for name, uses in understood.uses.items():
        for use in uses:
            own = found.setdefault(name, {})
            own[use.table] = own.get(use.table, frozenset()) | frozenset(use.needed)
    return found


async def compare(workspace: Workspace, texts: Sequence[str], budget: int, seconds: float) -> bool:
    """Both on the statistics of a database; whether the bars are met."""
    live = await workspace.live()
    schema = await workspace.live_schema()
    tables = tuple(sorted(one.identity for one in schema.all(Table)))
    part = wanted_part(schema, tables)
    known = await read_statistics(live, tables)
    workload = Workload(tuple(Query(f"q{number}", text) for number, text in enumerate(texts, 1)), "given")
    results = []
    for name, size in (("Extend", hypothetical_bytes), ("Extend with our sizes", index_bytes)):
        async with ground_of(workspace, part, tables, making(part)) as ground:
            await pretend_tables(ground, known)
            understood = await understand(ground, workload, known)
            began = perf_counter()
            peer = Peer(Trial(ground), known, understood.queries, read_columns(understood), size)
            chosen, cut = await extend(peer, schema, budget)
            real = sum(index_bytes(one, known.tables[one.table]) for one in chosen)
            results.append((name, cut, real, len(chosen), peer.asked, perf_counter() - began))
    async with ground_of(workspace, part, tables, making(part)) as ground:
        await pretend_tables(ground, known)
        understood = await understand(ground, workload, known)
        trial = Trial(ground)
        began = perf_counter()
        surveyed = await survey(
            trial, known, understood.queries, offered(understood, known, schema, frozenset()), seconds
        )
        found = await estimate(surveyed, understood.queries, budget, seconds)
        cost = sum([(await trial.plan(one.runnable, found.choice.chosen))[0] for one in understood.queries])
        cut = 1 - cost / sum(found.base.values())
        real = sum(found.problem.sizes[one] for one in found.choice.chosen)
        asked = surveyed.planner.asked
        results.append(("ours", cut, real, len(found.choice.chosen), asked, perf_counter() - began))
    for name, cut, real, count, asked, took in results:
        print(
            f"{name:22} {cut:6.1%} of the cost cut, {count} indexes of {real / 2**20:.0f} MB, {asked} plans, {took:.1f} s"
        )
    theirs, ours = results[0], results[-1]
    print(f"ours to Extend: {ours[1] / theirs[1]:.2f} times the cut, {ours[4] / theirs[4]:.2f} times the plans")
    return ours[1] >= MORE_CUT * theirs[1] and ours[4] <= MORE_PLANS * theirs[4]


async def choice_of(workspace: Workspace, texts: Sequence[str], budget: int) -> list[str]:
    """The statements of what Extend chooses."""
    schema = await workspace.live_schema()
    tables = tuple(sorted(one.identity for one in schema.all(Table)))
    part = wanted_part(schema, tables)
    known = await read_statistics(await workspace.live(), tables)
    workload = Workload(tuple(Query(f"q{number}", text) for number, text in enumerate(texts, 1)), "given")
    async with ground_of(workspace, part, tables, making(part)) as ground:
        await pretend_tables(ground, known)
        understood = await understand(ground, workload, known)
        peer = Peer(Trial(ground), known, understood.queries, read_columns(understood), index_bytes)
        chosen, _ = await extend(peer, schema, budget)
    return [one.statement() for one in sorted(chosen)]


async def scored(module: ModuleType, rows: float = 40_000, budget: float = 150) -> None:
    """What Extend chooses for a workload of ours, with our sizes, built and measured."""
    texts = {name: sql.replace("$1", module.VALUE) for name, sql in module.QUERIES.items()}
    with TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o711)  # noqa: ASYNC240 (a benchmark of its own)
        async with await open_sandboxes(cache=root / "cache") as sandboxes, sandboxes.lend() as live:
            connection = await connect(live.url)
            await filled(module, round(rows))(connection)
            shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes})
            workspace = Workspace(Settings(root=root, database_url=live.url, cache=root / "cache"), print, shelf)
            indexes = await choice_of(workspace, tuple(module.QUERIES.values()), round(budget * 1048576))
            await score(connection, Bench(texts, texts, 0, budget), indexes)
            await connection.close()


async def of_tpch(folder: Path, budget: float, seconds: float) -> bool:
    with TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o711)  # noqa: ASYNC240 (a benchmark of its own)
        async with await open_sandboxes(cache=root / "cache") as sandboxes, sandboxes.lend() as live:
            connection = await connect(live.url)
            await tpch.load(connection, folder)
            await connection.close()
            shelf = Shelf(sandboxes={sandboxes.server_version // 10_000: sandboxes})
            workspace = Workspace(Settings(root=root, database_url=live.url, cache=root / "cache"), print, shelf)
            return await compare(workspace, tuple(tpch.queries(tpch.TUNED).values()), round(budget * 1048576), seconds)


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    given = [float(one) for one in rest]
    if folder in ("mixed", "courier"):
        asyncio.run(scored(courier_workload if folder == "courier" else mixed_workload, *given))
        sys.exit(0)
    passed = asyncio.run(of_tpch(Path(folder), *(given + [640.0, 60.0][len(given) :])))
    sys.exit(0 if passed else 1)
