"""The size of an index, predicted from statistics, beside the one that was built.

    python -m benchmarks.index_sizes [FOLDER]     (with the .tbl files of `tpchgen-cli -s 0.1` those tables too)

Exit code 1 when fewer than 95 % are within a tenth.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import mixed_workload, tpch
from mcp_server.model.candidate import Candidate
from mcp_server.planning.index_size import index_bytes
from mcp_server.world.database import connect
from mcp_server.world.sampling import count_groups
from mcp_server.world.sandbox import open_sandboxes
from mcp_server.world.table_statistics import read_statistics

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

TICKETS = 60_000
# table: keys; after a bar what is INCLUDEd.
MIXED = {
    "member": "org_id; email; handle; token; org_id, handle; handle | email",
    "ticket": "org_id; opener_id; reviewer_id; status; subject; opened_at; closed_at; org_id, priority; org_id, opened_at;"
    " status, opened_at; opener_id, status; org_id | subject; deleted_at; priority, org_id, status",
    "message": "ticket_id; author_id; sent_at; author_id, sent_at; ticket_id | author_id; is_sent",
    "worklog": "ticket_id; member_id; minutes; began; member_id, minutes; member_id | minutes, began; note",
    "visit": "member_id; kind; seen_at; page; kind, seen_at; member_id, kind; page, kind; member_id | page",
}
TPCH = {
    "lineitem": "l_orderkey; l_partkey; l_suppkey; l_quantity; l_extendedprice; l_discount; l_returnflag; l_shipdate; l_receiptdate;"
    " l_shipmode; l_shipinstruct; l_comment; l_partkey, l_suppkey; l_suppkey, l_orderkey; l_shipdate, l_discount; l_orderkey | l_quantity;"
    " l_shipmode, l_receiptdate; l_returnflag, l_linestatus; l_partkey | l_quantity, l_extendedprice; l_orderkey, l_shipdate;"
    " l_receiptdate, l_shipmode; l_suppkey | l_extendedprice, l_discount",
    "orders": "o_custkey; o_orderstatus; o_totalprice; o_orderdate; o_orderpriority; o_clerk; o_custkey, o_orderdate; o_orderdate | o_custkey;"
    " o_orderstatus, o_orderdate; o_orderdate, o_orderpriority; o_custkey | o_orderkey; o_comment",
    "customer": "c_nationkey; c_mktsegment; c_phone; c_acctbal; c_mktsegment, c_nationkey; c_name; c_nationkey | c_acctbal",
    "part": "p_brand; p_type; p_size; p_container; p_brand, p_container; p_name; p_size, p_type, p_brand",
    "partsupp": "ps_suppkey; ps_availqty; ps_supplycost; ps_suppkey | ps_supplycost; ps_suppkey, ps_partkey",
}


def listed(of: dict[str, str]) -> list[Candidate]:
    """The indexes that are built."""
    found = []
    for table, texts in of.items():
        for text in texts.split(";"):
            keys, _, include = text.partition("|")
            columns = tuple(one.strip() for one in keys.split(","))
            more = tuple(one.strip() for one in include.split(",") if one.strip())
            found.append(Candidate(f"public.{table}", columns, columns, more))
    return found


async def compare(connection: Connection, candidates: list[Candidate]) -> list[tuple[float, Candidate, int]]:
    """(predicted by built, index, bytes built) of each."""
    known = await read_statistics(connection, {one.table for one in candidates})
    groups = await count_groups(connection, known.tables, candidates)
    found = []
    for one in candidates:
        predicted = index_bytes(one, known.tables[one.table], groups=groups.get(one))
        await connection.execute(one.statement("bench_size"))
        built = int(await connection.fetchval("select pg_relation_size('bench_size')"))
        await connection.execute("drop index bench_size")
        found.append((predicted / built, one, built))
    return found


async def main(folder: str = "") -> bool:
    with TemporaryDirectory() as cache:
        Path(cache).chmod(0o711)  # noqa: ASYNC240
        async with await open_sandboxes(cache=Path(cache)) as sandboxes, sandboxes.lend() as sandbox:
            connection = await connect(sandbox.url)
            await connection.execute(mixed_workload.SCHEMA)
            for statement in mixed_workload.ROWS:
                await connection.execute(statement.replace("$1", str(TICKETS)))
            await connection.execute("analyze")
            candidates = listed(MIXED)
            if folder:
                await tpch.load(connection, Path(folder))
                candidates += listed(TPCH)
            found = await compare(connection, candidates)
            await connection.close()
    ratios = [ratio for ratio, _, _ in found]
    near = sum(0.9 <= one <= 1.1 for one in ratios)
    for ratio, one, built in sorted(found, key=lambda each: each[0]):
        if not 0.9 <= ratio <= 1.1:
            print(f"{ratio:6.2f} {one.short} ({built / 1048576:.2f} MB)")
    print(
        f"{len(found)} indexes: predicted / built {min(ratios):.2f} to {max(ratios):.2f}, median {median(ratios):.3f}; within a tenth: {near} ({near / len(found):.0%})"
    )
    return near >= 0.95 * len(found)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(*sys.argv[1:])) else 1)
