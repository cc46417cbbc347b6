"""Whether two queries return the same rows: as multisets, by the text of each row, on the data at hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import StatementFailed
from mcp_server.world.database import translated
from mcp_server.world.placeholders import substitute

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_COMPARED = """
with first as materialized (select dbarch_row::text as line from ({first}) as dbarch_row),
     second as materialized (select dbarch_row::text as line from ({second}) as dbarch_row),
     lost as (select line from first except all select line from second),
     gained as (select line from second except all select line from first)
select (select count(*) from first) as first, (select count(*) from second) as second,
       (select count(*) from lost) as lost, (select count(*) from gained) as gained,
       (select line from lost limit 1) as lost_line, (select line from gained limit 1) as gained_line
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """How many rows two queries returned, and how many only one of them did, with an example of each as text."""

    first: int
    second: int
    lost: int
    gained: int
    lost_line: str = ""
    gained_line: str = ""

    @property
    def are_equal(self) -> bool:
        """Whether both returned the same rows, each as often."""
        return not self.lost and not self.gained


async def compare_rows(
    connection: Connection, first: str, second: str, first_values: Mapping[int, str], second_values: Mapping[int, str]
) -> Compared:
    """Run two queries, each once, and compare what they return. connection: inside of guards. Raises StatementFailed.

    first_values, second_values: SQL for their `$n`.
    """
    texts = (substitute(first, first_values)[0], substitute(second, second_values)[0])
    try:
        row = await connection.fetchrow(_COMPARED.format(first=texts[0], second=texts[1]))
    except asyncpg.PostgresError as error:
        raise StatementFailed(
            f"The two queries cannot be compared: {translated(error).message}", "Give two queries that return rows."
        ) from error
    assert row is not None
    return Compared(
        row["first"], row["second"], row["lost"], row["gained"], row["lost_line"] or "", row["gained_line"] or ""
    )
