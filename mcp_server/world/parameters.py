"""The parameters of a statement as the server types them, and values written for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import Refused
from mcp_server.world.catalog import read_rows
from mcp_server.world.placeholders import literal_of
from mcp_server.world.sql import Statement

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `$n`. type: as format_type() writes it."""

    number: int
    type: str
    is_array: bool = False
    is_json: bool = False


async def read_parameters(connection: Connection, statement: Statement) -> tuple[Parameter, ...]:
    """The parameters of a statement, with the types that the server infers from its schema."""
    if not statement.parameters:
        return ()
    prepared = await connection.prepare(statement.query)
    kinds = prepared.get_parameters()
    if not kinds:
        return ()
    numbers = ", ".join(str(int(kind.oid)) for kind in kinds)
    rows = await read_rows(
        connection,
        f"""select asked.number::int as number, format_type(t.oid, -1) as type, t.typcategory = 'A' as is_array,
                   coalesce(nullif(t.typelem, 0), t.oid) in ('json'::regtype, 'jsonb'::regtype) as is_json
            from unnest(array[{numbers}]::oid[]) with ordinality as asked (oid, number)
            join pg_type t on t.oid = asked.oid order by 1""",
    )
    return tuple(Parameter(row["number"], row["type"], row["is_array"], row["is_json"]) for row in rows)


def written_values(parameters: Sequence[Parameter], params: Sequence[object]) -> dict[int, str]:
    """Each parameter's value as an SQL literal of its type; empty when no values are given. Raises Refused."""
    if not params:
        return {}
    if len(params) != len(parameters):
        raise Refused(
            f"{len(params)} values are given for {len(parameters)} parameters.",
            "Give one value for each of $1, $2, … in params, or none to leave them open.",
        )
    return {
        parameter.number: literal_of(value, parameter.type, is_array=parameter.is_array, is_json=parameter.is_json)
        for parameter, value in zip(parameters, params, strict=True)
    }
