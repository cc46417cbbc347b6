"""One statement -> its plan, asked of Postgres under guards.

Everything happens in one read_only() transaction (database.py). The plain plan comes first; with ANALYZE the statement
is then run there too, but only when it reads only: by its verb, by the functions that the server says it calls
(effects.py), and by Postgres, which refuses writes. A run that takes too long still leaves the plain plan.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import Refused, StatementFailed
from mcp_server.model.query import QueryPlan
from mcp_server.model.query_json import read_plan
from mcp_server.world.database import read_only, translated
from mcp_server.world.effects import (
    NeedsCopy,
    refuse_acting_in_planning,
    refuse_acting_when_read,
    refuse_acting_when_run,
)
from mcp_server.world.index_scans import asked, read_scans
from mcp_server.world.lookalikes import describe_failure
from mcp_server.world.parameters import Parameter, read_parameters, written_values
from mcp_server.world.placeholders import substitute, with_numbers
from mcp_server.world.sql import QUERIES, Statement, read_statement, unwrap_explain
from mcp_server.world.untyped import carried_over, cast_untyped, with_days

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 2_000
_PREPARED = "dbarch_explained"


@dataclass(frozen=True, slots=True)
class Explained:
    """A statement and its plan.

    sql: as it was explained, with `$n` alone. parameters: what the server says they are. document: EXPLAIN's JSON.
    notes: what was changed or must be known, one sentence each. warnings: what comes before all else: that ANALYZE did
    not end in time, so that the plan holds estimates only. generic: where values were given, the plan that a prepared
    statement may settle on, for any values. asked_indexes: by OID, where it was run on a copy: those that it asked, what its
    triggers asked among them.
    """

    sql: str
    kind: str
    plan: QueryPlan
    document: str
    parameters: tuple[Parameter, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    generic: QueryPlan | None = None
    asked_indexes: frozenset[int] = frozenset()


async def explain(
    connection: Connection,
    sql: str,
    params: Sequence[object] = (),
    *,
    analyze: bool = False,
    timeout_ms: int = TIMEOUT_MS,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    on_copy: bool = False,
    is_mighty: bool = False,
) -> Explained:
    """The plan of one statement; measured when `analyze` and the statement only reads.

    params: a value for each `$n`, in order; none leaves them open, for a generic plan. timeout_ms, lock_timeout_ms: the
    server's own limits. on_copy: the connection is a role's that owns a throw-away copy and nothing else, so that a
    statement may change rows before it is rolled back. is_mighty: it is a copy, and the role may do more than that, as on a
    branch: then the user's own functions are looked into as on live. Raises Refused for what is not done here, StatementFailed with the
    place in the text, TimedOut.
    """
    text, notes = _understood(sql)
    statement = read_statement(text)
    if analyze and not on_copy:
        _refuse_changes(statement)
    guards = _changing if on_copy else read_only
    try:
        async with guards(connection, statement_timeout_ms=timeout_ms, lock_timeout_ms=lock_timeout_ms) as guarded:
            risks = await refuse_acting_when_read(guarded)
            written, (text, told) = text, await cast_untyped(guarded, text)
            params = carried_over(written, text, params)
            statement = read_statement(text)
            parameters = await read_parameters(guarded, statement)
            if (days := with_days(text, parameters, params)) != text:
                statement = read_statement(days)
                parameters = await read_parameters(guarded, statement)
            values = written_values(parameters, params)
            if analyze and parameters and not values:
                raise _values_missing(parameters)
            if analyze:
                await refuse_acting_when_run(guarded, statement.query, on_copy=on_copy, is_mighty=is_mighty)
            else:
                await refuse_acting_in_planning(guarded, statement.query, risks)
            explained = await _plain(guarded, statement, parameters, values)
            explained = replace(explained, notes=(*notes, *told, *explained.notes))
            if analyze:
                run = _watched if on_copy else _measured
                explained = await run(guarded, statement, values, explained, timeout_ms)
            return await _with_generic(guarded, statement, values, explained)
    except asyncpg.PostgresError as error:
        raise await describe_failure(connection, error, statement) from error


@asynccontextmanager
async def _changing(
    connection: Connection, *, statement_timeout_ms: int, lock_timeout_ms: int
) -> AsyncIterator[Connection]:
    """A transaction on a copy that is rolled back at the end; what constraints and their triggers put off runs at once."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            f"set local statement_timeout = {int(statement_timeout_ms)}; set local lock_timeout = {int(lock_timeout_ms)};"
            " set constraints all immediate"
        )
        yield connection
    finally:
        await transaction.rollback()
        await connection.execute("deallocate all")


def _understood(sql: str) -> tuple[str, tuple[str, ...]]:
    """The text to explain, with `$n` alone, and what was changed. Raises Refused."""
    rewritten = with_numbers(sql)
    statement = read_statement(rewritten.text)
    notes = list(rewritten.notes)
    if statement.kind == "explain":
        statement = unwrap_explain(rewritten.text, statement)
        notes.append("The EXPLAIN in the text was taken off; its options do not count.")
    _refuse_without_plan(statement)
    if statement.kind == "create table as" and statement.query != statement.text:
        notes.append("The plan is that of the query inside; nothing is created.")
        statement = read_statement(statement.query)
        _refuse_without_plan(statement)
    if statement.kind == "declare cursor":
        notes.append("A cursor is planned for a fast first row (cursor_tuple_fraction).")
    return statement.text, tuple(notes)


def _refuse_without_plan(statement: Statement) -> None:
    if statement.kind == "transaction":
        raise Refused(
            f"{statement.verb} controls a transaction; explain_query keeps a transaction of its own.",
            "Give the query itself.",
        )
    if statement.kind == "execute":
        raise Refused(
            "EXECUTE names a prepared statement of another session.",
            "Give the text of that statement, and its values in params.",
        )
    if statement.kind not in QUERIES:
        raise Refused(
            f"{statement.verb} has no plan.",
            "Give a SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES; for COPY, CALL, DO and REFRESH the query inside.",
        )


def _refuse_changes(statement: Statement) -> None:
    if statement.changes:
        verbs = ", ".join(change.upper() for change in statement.changes)
        raise NeedsCopy(
            f"ANALYZE runs the statement, and {verbs} changes data. Rolled back, it would still leave used sequence "
            f"numbers, dead rows, and whatever triggers did outside of the transaction.",
            "Leave analyze out to see the estimated plan.",
        )


def _values_missing(parameters: Sequence[Parameter]) -> Refused:
    open_ones = ", ".join(f"${parameter.number} ({parameter.type})" for parameter in parameters[:20])
    return Refused(f"ANALYZE needs a value for {open_ones}.", "Give them in params, in this order.")


async def _plain(
    connection: Connection, statement: Statement, parameters: Sequence[Parameter], values: Mapping[int, str]
) -> Explained:
    """The estimated plan."""
    is_open = bool(parameters) and not values
    if is_open:
        document = await _generic(connection, statement, parameters)
    else:
        document = await _ask(connection, _options(), statement.text, values, parameters)
    plan = _read(document, generic=is_open)
    notes = []
    if is_open:
        types = ", ".join(f"${parameter.number} ({parameter.type})" for parameter in parameters)
        notes.append(f"Generic plan: {types} left open. Give params to see the plan for their values.")
    return Explained(
        sql=statement.text,
        kind=statement.kind,
        plan=plan,
        document=document,
        parameters=tuple(parameters),
        notes=tuple(notes),
    )


async def _generic(connection: Connection, statement: Statement, parameters: Sequence[Parameter]) -> str:
    """The plan that serves any values: that of a prepared statement which must not be planned for its values.

    Not by EXPLAIN (GENERIC_PLAN), which by the extended protocol plans for the values bound (nulls), and by the simple
    protocol would take several statements.
    """
    await connection.fetch(f"prepare {_PREPARED} as {statement.query}")
    await connection.fetch("select pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', true)")
    nulls = ", ".join("null" for _ in parameters)
    return str(await connection.fetchval(f"explain ({_options()}) execute {_PREPARED} ({nulls})"))


async def _with_generic(
    connection: Connection, statement: Statement, values: Mapping[int, str], explained: Explained
) -> Explained:
    """The same with the plan for any values, unless there are none, or the transaction ended with a cancelled run."""
    if not values or explained.warnings:
        return explained
    document = await _generic(connection, statement, explained.parameters)
    return replace(explained, generic=_read(document, generic=True))


async def _measured(
    connection: Connection, statement: Statement, values: Mapping[int, str], plain: Explained, timeout_ms: int
) -> Explained:
    """The plan of a run, rolled back with the transaction around it."""
    foreign = [
        node.relation or str(node.detail("Relations")) for node in plain.plan.nodes() if node.type == "Foreign Scan"
    ]
    if foreign:
        raise Refused(
            f"ANALYZE would read {', '.join(foreign)} on another server, where a read-only transaction here protects "
            f"nothing.",
            "Leave analyze out to see the estimated plan.",
        )
    try:
        options = f"analyze, buffers, {'wal, ' if statement.changes else ''}{_options()}"
        document = await _ask(connection, options, statement.text, values, plain.parameters)
    except asyncpg.QueryCanceledError:
        warning = f"ANALYZE was cancelled on the server after {timeout_ms / 1000:g} s: estimates only."
        return replace(plain, warnings=(warning,))
    return replace(plain, plan=_read(document), document=document)


async def _watched(
    connection: Connection, statement: Statement, values: Mapping[int, str], plain: Explained, timeout_ms: int
) -> Explained:
    """The same on a copy, with the indexes that were asked; these are unknown when the run was cancelled."""
    before = await read_scans(connection)
    await _ask(connection, _options(), statement.text, values, plain.parameters)
    planned = await read_scans(connection)
    measured = await _measured(connection, statement, values, plain, timeout_ms)
    if measured.warnings:
        return measured
    return replace(measured, asked_indexes=asked(before, planned, await read_scans(connection)))


def _read(document: str, *, generic: bool = False) -> QueryPlan:
    try:
        return read_plan(document, generic=generic)
    except ValueError as error:
        raise Refused(f"The plan cannot be read: {error}.", "Explain a part of the statement.") from error


def _options() -> str:
    return "format json, verbose, settings, summary"


async def _ask(
    connection: Connection, options: str, text: str, values: Mapping[int, str], parameters: Sequence[Parameter]
) -> str:
    """EXPLAIN with the values written into the text. Raises StatementFailed for a value that its type refuses."""
    prefix = f"explain ({options}) "
    written, places = substitute(text, values)
    try:
        return str(await connection.fetchval(prefix + written))
    except asyncpg.PostgresError as error:
        at = int(error.position or 0) - 1 - len(prefix)
        number = next((number for start, end, number in places if start <= at < end), 0)
        if not number:
            error.position = str(at + 1) if at >= 0 and not places else None
            raise
        kind = next(parameter.type for parameter in parameters if parameter.number == number)
        base = translated(error)
        raise StatementFailed(
            f"The value of ${number} is not taken as {kind}: {error.message}.",
            "Write it as Postgres does, e.g. 2026-01-31, {1,2,3}, or null.",
            base.sqlstate,
        ) from error
