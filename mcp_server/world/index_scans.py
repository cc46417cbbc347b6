"""Which indexes a run asks, also where its plan does not say so: by triggers, foreign keys' checks, and functions.

Counted by the server within the transaction of the run (pg_stat_get_xact_numscans), before its rollback. The planner asks
indexes too, for the largest and smallest value of a column, so what planning alone asks does not count.
https://www.postgresql.org/docs/current/monitoring-stats.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

_SCANS = """select c.oid::int8 as number, pg_catalog.pg_stat_get_xact_numscans(c.oid) as scans
            from pg_catalog.pg_class c where c.relkind = 'i' and c.oid >= 16384"""

Scans = Mapping[int, int]


async def read_scans(connection: Connection) -> Scans:
    """How often each index was asked so far, by OID, as this session counts; it is reported on outside of transactions."""
    return {row["number"]: row["scans"] for row in await connection.fetch(_SCANS)}


def asked(before: Scans, planned: Scans, ran: Scans) -> frozenset[int]:
    """The indexes that a run asked more often than its planning alone. before, planned, ran: the counts at three moments."""
    return frozenset(
        number
        for number, scans in ran.items()
        if scans - planned.get(number, 0) > planned.get(number, 0) - before.get(number, 0)
    )
