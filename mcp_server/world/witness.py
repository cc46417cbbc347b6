"""A second session that watches others of the same database, and settles what each of their statements did.

It sees what is committed. So its names are those from before the watched transaction, and what that transaction made
itself has none: it stands in nobody's way.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import asyncpg

from mcp_server.errors import DatabaseError
from mcp_server.model.lock import MODES, Lock, strongest
from mcp_server.model.names import qualified
from mcp_server.model.observation import Effect, Observed
from mcp_server.world.database import finish, translating
from mcp_server.world.evidence import read_evidence
from mcp_server.world.session_state import TABLE_KINDS, SessionState
from mcp_server.world.statement_effects import (
    Known,
    Session,
    Statement,
    effect_alone,
    effect_of,
    held_locks,
    observed_as,
)

if TYPE_CHECKING:
    from asyncpg import Connection, Record
    from asyncpg.prepared_stmt import PreparedStatement

POLL_SECONDS = 0.001

HOLDINGS = """
    select l.locktype, l.virtualtransaction as transaction, l.mode, l.granted, l.relation::int8 as id,
           n.nspname as schema, c.relname as name, c.relkind::text as kind, c.relfilenode::int8 as file
    from pg_catalog.pg_locks l
    left join pg_catalog.pg_class c on l.locktype = 'relation' and c.oid = l.relation
    left join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where l.pid = $1
"""
RELATIONS = """
    select c.oid::int8 as id, n.nspname as schema, c.relname as name, c.relkind::text as kind,
           c.relfilenode::int8 as file, pg_catalog.pg_stat_get_numscans(c.oid) as scans
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_temp'
"""
CHANGED = """
    with looked as materialized (
      select pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())::pg_catalog.xid as mark
    )
    select looked.mark, c.id, c.schema, c.name, c.kind, c.file
    from looked left join (
      select c.oid::int8 as id, n.nspname as schema, c.relname as name, c.relkind::text as kind,
             c.relfilenode::int8 as file
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_temp'
        and ($1::pg_catalog.xid is null or least(pg_catalog.age(c.xmin), pg_catalog.age(n.xmin)) <= pg_catalog.age($1))
    ) c on true
"""
FOREIGN_KEYS = "select conname, conrelid::int8, confrelid::int8 from pg_catalog.pg_constraint where contype = 'f'"
SNAPSHOT = "begin isolation level repeatable read; set local lock_timeout = 500; select 1"
_TRUNCATE = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*truncate\b", re.IGNORECASE | re.DOTALL)
SYSTEM = ("pg_catalog", "information_schema", "pg_toast")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a backend holds. transaction: its virtual transaction, "" outside of any. waits: for a lock of another."""

    transaction: str
    locks: frozenset[Lock]
    waits: bool


class Witness:
    """Watches the sessions of one walk; transactions are counted from 1. connection: in no transaction, ours alone."""

    def __init__(self, connection: Connection[Record]) -> None:
        self._connection = connection
        self._sessions: dict[int, Session] = {}
        self._transactions = 0
        self._known: dict[int, Known] = {}
        self._mark: int | None = None
        self._changed: PreparedStatement[Record] | None = None

    def restart(self) -> None:
        """Another walk begins: no transaction is open, and they are counted from 1 again."""
        self._sessions.clear()
        self._transactions = 0

    async def look(self, pid: int) -> Holdings:
        """What a backend holds now, of what was committed before."""
        with translating("reading locks"):
            rows = await self._connection.fetch(HOLDINGS, pid)
        return _holdings(rows)

    async def settle(self, statement: Statement, state: SessionState) -> Observed:
        """What a statement did that has ended while its transaction has not. state: read in that transaction.

        The session must wait for the first statement of each of its transactions to be settled, and for no other.
        """
        session = self._sessions.get(state.pid)
        if session is None or session.transaction != state.transaction:
            session = self._session(state.pid, state.transaction)
            session.known = await self._standing()
        evidence = read_evidence(statement.messages)
        held = held_locks(state, session.known)
        effect = effect_of(session, held, state, evidence)
        if _TRUNCATE.match(statement.sql):  # an index is built on the new file, which is empty
            effect = replace(effect, scans=(), builds=())
        fresh = strongest(held - session.locks)
        session.locks = held
        return observed_as(statement, session.number, effect, fresh, evidence)

    async def _standing(self) -> dict[int, Known]:
        """Every relation that was ever committed, by id, as it is now. Only what changed since the last time is read.

        Whatever commits after a look has a transaction id that is at least the look's oldest one still running.
        https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-PG-SNAPSHOT
        """
        with translating("reading relations"):
            if self._changed is None:
                self._changed = await self._connection.prepare(CHANGED)
            rows = await self._changed.fetch(self._mark)
        self._mark = rows[0]["mark"]
        self._known.update({row["id"]: _known(row) for row in rows if row["id"] is not None})
        return self._known.copy()

    async def _relations(self) -> dict[int, Known]:
        """Every relation that is committed, by id, with the counter of its sequential scans."""
        with translating("reading relations"):
            rows = await self._connection.fetch(RELATIONS)
        return {row["id"]: _known(row) for row in rows}

    def failed(self, statement: Statement, pid: int = 0) -> Observed:
        """A statement that Postgres refused: its transaction is gone, and what it held with it."""
        session = self._sessions.get(pid)
        if session is None or not session.transaction:
            session = self._session(pid, "")
        return observed_as(statement, session.number, Effect(), (), read_evidence(statement.messages))

    def forget(self, pid: int) -> None:
        """A backend's transaction has ended."""
        self._sessions.pop(pid, None)

    def _session(self, pid: int, transaction: str) -> Session:
        """The backend's open transaction; a new number for a new one, and for whatever is outside of any."""
        session = self._sessions.get(pid)
        if session is None or not transaction or session.transaction != transaction:
            self._transactions += 1
            session = self._sessions[pid] = Session(transaction, self._transactions)
        return session

    async def hold(self, *, against_vacuum: bool = False) -> Held:
        """Stand in the way of a statement that runs outside of a transaction, and see what it holds while it waits.

        CONCURRENTLY waits for older snapshots and for whoever reads the table, VACUUM for a lock like its own.
        """
        before = await self._relations()
        with translating("waiting for a statement"):
            await self._connection.execute(f"{SNAPSHOT}; savepoint alone")
        tables = ", ".join(one.identity for one in before.values() if one.kind in ("r", "p"))
        mode = "share update exclusive" if against_vacuum else "access share"
        try:
            with translating("waiting for a statement"):
                await self._connection.execute(f"lock table {tables} in {mode} mode" if tables else "select 1")
        except DatabaseError:  # held by another, or not ours to lock: the snapshot alone stands in the way of most
            await self._connection.execute("rollback to alone")
        return Held(before)

    async def release(self) -> None:
        """Stand in nobody's way any more."""
        if self._connection.is_in_transaction():
            with translating("waiting for a statement"):
                await self._connection.execute("rollback")

    async def wait_for(self, running: asyncio.Future[Any], pid: int, held: Held) -> None:
        """Wait until a statement has ended; what it held when it first waited for us goes into `held`."""
        try:
            while not running.done():
                holdings = await self.look(pid)
                if holdings.waits:
                    held.locks |= holdings.locks
                    break
                await asyncio.wait((running,), timeout=POLL_SECONDS)
        finally:
            await finish(self.release())
        await asyncio.wait((running,))

    async def settle_alone(self, statement: Statement, pid: int, held: Held) -> Observed:
        """What a statement did that ran outside of a transaction. The session's counters must have been flushed."""
        after = await self._relations()
        with translating("reading what a statement did"):
            keys = await self._connection.fetch(FOREIGN_KEYS)
        evidence = read_evidence(statement.messages)
        locks = strongest(held.locks)
        effect = Effect(locks, **effect_alone(held.before, after, [tuple(row) for row in keys], evidence, locks))
        return observed_as(statement, self._session(pid, "").number, effect, locks, evidence)


@dataclass(slots=True)
class Held:
    """What stood before a statement outside of a transaction, and the locks that it was seen to hold or to wait for."""

    before: dict[int, Known]
    locks: frozenset[Lock] = frozenset()


def _holdings(rows: Iterable[asyncpg.Record]) -> Holdings:
    transaction, locks, waits = "", set(), False
    for row in rows:
        if row["locktype"] == "virtualxid" and row["granted"] and row["mode"] == "ExclusiveLock":
            transaction = row["transaction"]
        waits = waits or not row["granted"]
        if row["schema"] is None or row["schema"] in SYSTEM:
            continue
        one = _known(row)
        if one.kind in TABLE_KINDS and row["mode"] in MODES:
            locks.add(Lock(one.identity, row["mode"]))
    return Holdings(transaction, frozenset(locks), waits)


def _known(row: asyncpg.Record) -> Known:
    scans = row.get("scans") or 0
    return Known(row["id"], qualified(row["schema"], row["name"]), row["name"], row["kind"], row["file"], scans)
