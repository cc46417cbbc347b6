"""Statements run on a connection of ours, each seen from a second session when it ends.

A statement runs in a transaction of its own, or in the one that the statements themselves open; what Postgres does not
run in any runs outside, while the second session stands in its way for a moment to see what it holds.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import DatabaseError
from mcp_server.model.observation import Observed
from mcp_server.world.database import finish, translated, translating
from mcp_server.world.session_state import (
    FORCES_FLUSH,
    SessionState,
    keys_sql,
    read_state,
    state_sql,
    wants_keys,
)
from mcp_server.world.statement_effects import Statement
from mcp_server.world.witness import Witness

if TYPE_CHECKING:
    from asyncpg import Connection, Record

_COMMENT = re.compile(r"\s*(?:--[^\n]*(?:\n|\Z)|/\*.*?\*/)", re.DOTALL)
_CONTROL = re.compile(
    r"(?:begin|start\s+transaction|commit|end|rollback(?!\s+to\b)|abort)\b(?!.*\bto\b)", re.IGNORECASE
)
_VACUUM = re.compile(r"vacuum\b", re.IGNORECASE)
# https://www.postgresql.org/docs/current/ has the sentence "cannot be executed inside a transaction block" for these.
_ALONE = re.compile(
    r"(?:vacuum\b|call\b|(?:create|drop|alter)\s+(?:database|tablespace|subscription|system)\b|checkpoint\b"
    r"|reindex\s+(?:\([^)]*\)\s*)?(?:schema|database|system)\b|cluster\s*(?:verbose|\([^)]*\))?\s*;?\s*\Z"
    r"|do\b.*\b(?:commit|rollback)\b|(?!refresh\b).*\bconcurrently\b(?!\s*(?:=\s*)?'?(?:false|off|no|0)\b))",
    re.IGNORECASE | re.DOTALL,
)


def without_comments(sql: str) -> str:
    """The statement from its first word on."""
    while match := _COMMENT.match(sql):
        sql = sql[match.end() :]
    return sql.strip()


def runs_alone(sql: str) -> bool:
    """Whether Postgres runs a statement outside of transactions only, as CREATE INDEX CONCURRENTLY."""
    return _ALONE.match(without_comments(sql)) is not None


def is_vacuum(sql: str) -> bool:
    """Whether it is VACUUM, which waits for nobody's snapshot."""
    return _VACUUM.match(without_comments(sql)) is not None


def controls_transactions(sql: str) -> bool:
    """Whether it is BEGIN, COMMIT, ROLLBACK or another word for one of them."""
    return _CONTROL.match(without_comments(sql)) is not None


async def observe(
    connection: Connection[Record], second: Connection[Record], statements: Iterable[str], *, together: bool = False
) -> tuple[Observed, ...]:
    """Run statements and see what each of them does. The first that Postgres refuses is the last.

    connection, second: to the same database, both ours, in no transaction. together: all in one transaction, as Alembic
    runs a revision. BEGIN, COMMIT and ROLLBACK among the statements are carried out and not reported.
    """
    observer = Observer(connection, Witness(second))
    await observer.start()
    found: list[Observed] = []
    try:
        if together:
            await connection.execute("begin")
        for sql in statements:
            seen = await observer.run(sql)
            found += [seen] if seen is not None else []
            if seen is not None and seen.error:
                break
        if connection.is_in_transaction() and not (found and found[-1].error):
            await connection.execute("commit")
    finally:
        await finish(observer.stop())
    return tuple(found)


class Observer:
    """Runs statements on a connection, while a witness watches it."""

    def __init__(self, connection: Connection[Record], witness: Witness) -> None:
        self._connection = connection
        self._witness = witness
        self._messages: list[str] = []
        self._state_sql = ""
        self._pid = connection.get_server_pid()

    async def start(self) -> None:
        """Ask Postgres for its evidence; counters of earlier transactions are put away."""
        version = self._connection.get_server_version()
        number = version.major * 10000 + version.minor
        self._state_sql = state_sql(number)
        self._connection.add_log_listener(self._hear)
        with translating("observing"):
            await self._connection.execute("set client_min_messages = debug1")
            await self._flush()

    async def stop(self) -> None:
        """Leave the connection as it was."""
        self._connection.remove_log_listener(self._hear)
        if self._connection.is_closed():
            return
        if self._connection.is_in_transaction():
            await self._connection.execute("rollback")
        await self._connection.execute("reset client_min_messages")

    async def run(self, sql: str) -> Observed | None:
        """Run one statement; None for what opens and closes transactions."""
        self._messages.clear()
        if not without_comments(sql).strip("; \n"):
            return None  # the driver cannot send what is empty
        if controls_transactions(sql):
            return await self._control(sql)
        if self._connection.is_in_transaction():
            return await self._run_inside(sql)
        if runs_alone(sql):
            return await self._run_alone(sql)
        await self._connection.execute("begin")
        seen = await self._run_inside(sql)
        return seen if seen.error else await self._commit(seen)

    async def _control(self, sql: str) -> Observed | None:
        began = time.perf_counter()
        error = await self._try(sql)
        return self._witness.failed(self._statement(sql, began, error), self._pid) if error else None

    async def _run_inside(self, sql: str) -> Observed:
        began = time.perf_counter()
        error = await self._try(sql)
        statement = self._statement(sql, began, error)
        if error:
            await self._connection.execute("rollback")
            return self._witness.failed(statement, self._pid)
        return await self._witness.settle(statement, await self._state())

    async def _commit(self, seen: Observed) -> Observed:
        """End the statement's own transaction; what Postgres finds only then (deferred constraints) is its error."""
        error = await self._try("commit")
        if error is None:
            return seen
        return self._witness.failed(
            Statement(seen.sql, seen.evidence, seen.milliseconds, "", *_words(error)), self._pid
        )

    async def _run_alone(self, sql: str) -> Observed:
        held = await self._witness.hold(against_vacuum=is_vacuum(sql))
        began = time.perf_counter()
        running = asyncio.ensure_future(self._try(sql))
        await self._witness.wait_for(running, self._pid, held)
        statement = self._statement(sql, began, running.result())
        if statement.error:
            return self._witness.failed(statement)
        await self._flush()
        return await self._witness.settle_alone(statement, self._pid, held)

    async def _try(self, sql: str) -> DatabaseError | None:
        try:
            await self._connection.execute(sql)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return translated(error, "observing a statement")
        return None

    def _statement(self, sql: str, began: float, error: DatabaseError | None) -> Statement:
        spent = round((time.perf_counter() - began) * 1000, 3)
        return Statement(sql, tuple(self._messages), spent, "", *_words(error))

    async def _state(self) -> SessionState:
        with translating("observing"):
            row = await self._connection.fetchrow(self._state_sql)
        assert row is not None
        keys = await self._connection.fetchval(keys_sql()) if wants_keys(self._messages) else None
        return read_state(row[0], row[1], row[2], keys)

    async def _flush(self) -> None:
        """Make this session's counters of scans visible to others."""
        version = self._connection.get_server_version()
        if version.major * 10000 >= FORCES_FLUSH:
            await self._connection.execute("select pg_catalog.pg_stat_force_next_flush()")

    def _hear(self, connection: object, message: asyncpg.PostgresLogMessage) -> None:
        self._messages.append(message.message)


def _words(error: DatabaseError | None) -> tuple[str, str]:
    return (error.message, error.sqlstate) if error else ("", "")
