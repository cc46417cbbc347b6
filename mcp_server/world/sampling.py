"""How many combinations of values there are, from a sample of the rows of a copy: ANALYZE counts columns one by one.

The estimate is ANALYZE's own, of a sample twice as large: n * d / (n - f1 + f1 * n / N), with d combinations in a sample
of n of N rows, f1 of them seen once (Haas and Stokes, IBM Research Report RJ 10025, the estimator Duj1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from mcp_server.model.candidate import Candidate
from mcp_server.model.names import quote
from mcp_server.model.workload import TableStatistics
from mcp_server.world.database import translating

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

SAMPLE = 60_000


async def count_groups(
    connection: Connection, tables: Mapping[str, TableStatistics], candidates: Iterable[Candidate]
) -> dict[Candidate, float]:
    """The combinations of the keys of each candidate whose keys are plain columns. Reads each table once."""
    asked: dict[str, list[Candidate]] = {}
    for one in candidates:
        if (
            one.method == "btree"
            and all(one.columns)
            and not one.where
            and one.table in tables
            and not tables[one.table].partitioned
        ):
            asked.setdefault(one.table, []).append(one)
    found: dict[Candidate, float] = {}
    for table, some in asked.items():
        found |= await _counted(connection, tables[table], some)
    return found


async def _counted(connection: Connection, table: TableStatistics, some: list[Candidate]) -> dict[Candidate, float]:
    names = sorted({name for one in some for name in one.columns})
    share = min(100.0, 100.0 * SAMPLE / max(table.rows, 1.0))
    listed = ", ".join(f"{quote(name)}::text" for name in names)
    sampled = f" tablesample bernoulli ({share:.6f}) repeatable (1)" if share < 60 else ""
    with translating(f"sampling {table.table}"):
        rows = await connection.fetch(f"select {listed} from only {table.table}{sampled}")
    counts: dict[tuple[str, ...], float] = {}
    for one in some:
        if one.columns not in counts:
            places = [names.index(name) for name in one.columns]
            seen = Counter(tuple(row[place] for place in places) for row in rows)
            counts[one.columns] = _estimate(seen, len(rows), max(table.rows, len(rows)))
    return {one: counts[one.columns] for one in some}


def _estimate(seen: Counter[tuple[str, ...]], sampled: int, rows: float) -> float:
    if sampled >= rows or not sampled:
        return float(len(seen))
    once = sum(1 for count in seen.values() if count == 1)
    if once == sampled:
        return rows
    return min(sampled * len(seen) / (sampled - once + once * sampled / rows), rows)
