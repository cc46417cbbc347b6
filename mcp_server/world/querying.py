"""One reading statement -> its first rows, under the guards of explain.py's measured runs.

The statement is run in one read_only() transaction (database.py), only when it reads only: by its verb, by the functions
that the server says it calls (effects.py), and by Postgres, which refuses writes. Every column is read as the text that
Postgres writes for it, cut by the server, so that one row of a hundred megabytes stays there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import Refused
from mcp_server.model.query_json import read_plan
from mcp_server.model.result import Result, ResultColumn
from mcp_server.world.database import read_only
from mcp_server.world.effects import refuse_acting_when_read, refuse_acting_when_run
from mcp_server.world.lookalikes import describe_failure
from mcp_server.world.parameters import read_parameters, written_values
from mcp_server.world.placeholders import substitute, with_numbers
from mcp_server.world.sql import Statement, read_statement
from mcp_server.world.untyped import cast_untyped

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

INSTEAD = "Name the columns and tables to read without it. A function that only reads can be labelled STABLE."


async def query(
    connection: Connection,
    sql: str,
    params: Sequence[object] = (),
    *,
    limit: int,
    width: int = 2_000,
    timeout_ms: int = 15_000,
) -> Result:
    """The first `limit` rows of one statement that only reads.

    params: a value for each placeholder, in order. width: characters kept of one value. Raises Refused for what is not
    done here, StatementFailed with the place in the text, TimedOut.
    """
    rewritten = with_numbers(sql)
    statement = read_statement(rewritten.text)
    _refuse_all_but_reading(statement)
    try:
        async with read_only(connection, statement_timeout_ms=timeout_ms) as guarded:
            await refuse_acting_when_read(guarded)
            text, told = await cast_untyped(guarded, statement.text)
            statement = read_statement(text)
            parameters = await read_parameters(guarded, statement)
            if parameters and not params:
                wanted = ", ".join(f"${parameter.number} ({parameter.type})" for parameter in parameters[:20])
                raise Refused(f"The statement needs a value for {wanted}.", "Give them in params, in this order.")
            written, _ = substitute(statement.text, written_values(parameters, params))
            columns = await _columns(guarded, written)
            asked = _as_texts(written, len(columns), limit + 1, width + 1)
            await refuse_acting_when_run(guarded, asked, running="This", instead=INSTEAD)
            await _refuse_other_servers(guarded, asked)
            began = time.monotonic()
            records = await guarded.fetch(asked)
            took = (time.monotonic() - began) * 1000
    except asyncpg.PostgresError as error:
        raise await describe_failure(connection, error, statement) from error
    rows = tuple(tuple(_cut(value, width) for value in record.values()) for record in records[:limit])
    return Result(columns, rows, len(records) > limit, took, (*rewritten.notes, *told))


def _refuse_all_but_reading(statement: Statement) -> None:
    if statement.kind == "explain":
        raise Refused("The text is an EXPLAIN.", "Give the query itself to explain_query.")
    if statement.changes or statement.kind != "select":
        verbs = ", ".join(change.upper() for change in statement.changes) or statement.verb
        raise Refused(
            f"{verbs} is not run here: query_database only reads.",
            "Give one SELECT, VALUES, TABLE or WITH that reads. A schema is changed by autogenerate_migration and "
            "apply_migration; settings are read by `select current_setting('name')`.",
        )


async def _columns(connection: Connection, text: str) -> tuple[ResultColumn, ...]:
    prepared = await connection.prepare(text)
    columns = tuple(ResultColumn(column.name, column.type.name) for column in prepared.get_attributes())
    if not columns:
        raise Refused("The statement has no columns, so there is nothing to read.", "Name at least one column.")
    return columns


def _as_texts(text: str, columns: int, limit: int, width: int) -> str:
    """The query with each column as text of at most `width` characters, whatever the columns are called."""
    names = [f"c{number}" for number in range(columns)]
    texts = ", ".join(f'pg_catalog."left"({name}::pg_catalog.text, {width}) as {name}' for name in names)
    return f"select {texts}\nfrom (\n{text}\n) as dbarch_read ({', '.join(names)})\nlimit {limit}"


async def _refuse_other_servers(connection: Connection, text: str) -> None:
    """Raise Refused when the plan reads a foreign table: a read-only transaction here protects nothing there."""
    plan = read_plan(str(await connection.fetchval(f"explain (format json, verbose) {text}")))
    foreign = [node.relation or str(node.detail("Relations")) for node in plan.nodes() if node.type == "Foreign Scan"]
    if foreign:
        raise Refused(
            f"This would read {', '.join(foreign)} on another server, where a read-only transaction here protects "
            f"nothing.",
            "Ask that server itself.",
        )


def _cut(value: str | None, width: int) -> str | None:
    return value if value is None or len(value) <= width else f"{value[:width]}…"
