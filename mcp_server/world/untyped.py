"""Parameters without a type get one: texts that may be meant are tried on the server until it takes one, which runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.world.catalog import read_rows
from mcp_server.world.retyping import STATES, Refusal, edited, repairs, unknown_at
from mcp_server.world.sql import Token, read_statement, scan

if TYPE_CHECKING:
    from mcp_server.world.parameters import Parameter

    Connection = asyncpg.Connection[asyncpg.Record]

MOST = 80


async def cast_untyped(connection: Connection, text: str) -> tuple[str, tuple[str, ...]]:
    """The text with casts where the server cannot tell the type of parameters, and what was changed.

    connection: inside a transaction. `$1 - $2`, `day + $1` and `values ($1)` had types while values stood there
    (pg_stat_statements took them out). A text that nothing helps, or that has another fault, is returned as it is.
    """
    statement = read_statement(text)
    if not statement.parameters:
        return text, ()
    found = await _search(connection, statement.text, set())
    if found is None or found == statement.text:
        return text, ()
    told = sorted(_cast_in(found) - _cast_in(statement.text))
    listed = ", ".join(f"${number}" for number in told[:12])
    notes = (
        [f"The type of {listed} cannot be told from the text and was guessed; ::type behind one settles it."]
        if told
        else []
    )
    if len(read_statement(found).parameters) < len(statement.parameters):
        notes.append("Constants of the same expression in SELECT and in GROUP BY or ORDER BY are taken to be the same.")
    return found, tuple(notes)


def carried_over(before: str, after: str, params: Sequence[object]) -> Sequence[object]:
    """The values for a text in which some constants were taken to be the same. before, after: with the same parameters in turn."""
    old = [one.parameter for one in scan(before) if one.parameter]
    new = [one.parameter for one in scan(after) if one.parameter]
    if not params or len(set(old)) != len(params) or len(set(new)) == len(params) or len(old) != len(new):
        return params
    first = {number: params[was - 1] for was, number in reversed(list(zip(old, new, strict=True)))}
    return [first[number] for number in sorted(first)]


def with_days(text: str, parameters: Sequence[Parameter], params: Sequence[object]) -> str:
    """The text with casts to integer where a number is given for what Postgres takes for a day, as in `day - $1`."""
    if len(params) != len(parameters):
        return text
    given = zip(parameters, params, strict=True)
    days = {one.number for one, value in given if one.type == "date" and type(value) is int}
    return edited(text, [(one.end, one.end, "::integer") for one in scan(text) if one.parameter in days])


def _cast_in(text: str) -> set[int]:
    """The numbers of the parameters that have a cast."""
    return {one.parameter for one, after in pairwise(scan(text)) if one.parameter and after.text == "::"}


async def _search(connection: Connection, text: str, tried: set[str]) -> str | None:
    """A text that the server takes, found from one that it may refuse; None when there is none within MOST tries."""
    tried.add(text)
    refusal = await _refusal(connection, text)
    if refusal is None:
        return text
    if refusal.sqlstate not in STATES:
        return None
    known = await _by_other_uses(connection, text, refusal) if refusal.is_of_unknown else ""
    for changed in (*([known] if known else []), *repairs(text, refusal)):
        if len(tried) < MOST and changed not in tried:
            found = await _search(connection, changed, tried)
            if found is not None:
                return found
    return None


async def _by_other_uses(connection: Connection, text: str, refusal: Refusal) -> str:
    """The text with parameters cast to the type of their other uses, as in `$1 is null or a = $1`; "" when there is none."""
    without = text
    places: list[Token] = []
    found: Refusal | None = refusal
    while found is not None and len(places) < MOST:
        here = unknown_at(without, found) if found.is_of_unknown else []
        if not here:
            return ""
        places.append(here[0])
        # As long as the parameter, so that the other places stay what they are.
        width = here[0].end - here[0].start
        without = edited(without, [(here[0].start, here[0].end, "''".ljust(width))])
        found = await _refusal(connection, without)
    prepared = await connection.prepare(read_statement(without).query)
    types = [await _spelled(connection, kind.oid) for kind in prepared.get_parameters()]
    casts = [(one.end, one.end, f"::{types[one.parameter - 1]}") for one in places if one.parameter <= len(types)]
    return edited(text, casts)


async def _spelled(connection: Connection, oid: int) -> str:
    """A type as SQL writes it."""
    rows = await read_rows(connection, f"select format_type({oid}, -1) as name")
    return str(rows[0]["name"])


async def _refusal(connection: Connection, text: str) -> Refusal | None:
    """Why the server does not take a text; None when it does."""
    statement = read_statement(text)
    await connection.execute("savepoint dbarch_typing")
    try:
        await connection.prepare(statement.query)
    except asyncpg.PostgresError as error:
        await connection.execute("rollback to savepoint dbarch_typing")
        place = statement.query_start - statement.start + int(error.position) - 1 if error.position else -1
        return Refusal(error.sqlstate or "", error.message or "", place)
    return None
