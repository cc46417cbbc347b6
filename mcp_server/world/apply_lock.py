"""One apply at a time on a database, held by Postgres itself: two advisory locks on the direct host.

The first is held for the length of an apply. The second is shared by every session in which revisions run, and ends
with that session on the server, which may outlive a process that was killed: nobody begins before it is gone.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import asyncpg

from mcp_server.errors import DatabaseError, Refused
from mcp_server.world.catalog import read_rows
from mcp_server.world.database import connect, finish, translating
from mcp_server.world.urls import Target

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

SPACE = 1_684_169_074
APPLYING, PRESENT = 1, 2
PATIENCE = 15.0
POLL = 0.25
# The server needs a moment to notice that whoever held a lock was killed.
SHORTLY = 2.0

_HOLDERS = """
select a.pid, a.application_name, a.usename::text as role, coalesce(a.client_addr::text, 'a local socket') as client,
       a.state, extract(epoch from now() - a.backend_start)::int as seconds, left(a.query, 200) as query
from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and l.classid = {SPACE} and l.objid = {number} and l.objsubid = 2
  and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  and a.pid <> pg_catalog.pg_backend_pid()
"""
_BLOCKERS = f"""
select distinct b.pid, b.application_name, b.usename::text as role, b.state,
       extract(epoch from now() - coalesce(b.xact_start, b.backend_start))::int as seconds, left(b.query, 200) as query
from pg_catalog.pg_locks l, unnest(pg_catalog.pg_blocking_pids(l.pid)) blocker(pid)
join pg_catalog.pg_stat_activity b on b.pid = blocker.pid
where l.locktype = 'advisory' and l.granted and l.classid = {SPACE} and l.objid = {PRESENT} and l.objsubid = 2
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """A session of somebody else that is in the way. seconds: how long its transaction, or it itself, has lasted."""

    pid: int
    application: str
    role: str
    state: str
    seconds: int
    query: str

    def __str__(self) -> str:
        name = f" ({self.application})" if self.application else ""
        return f"process {self.pid}{name} of {self.role}, {self.state or 'running'} for {self.seconds} s: {self.query}"


@asynccontextmanager
async def alone(target: Target, patience: float = PATIENCE) -> AsyncIterator[Connection]:
    """A connection that holds the right to apply on a database for the length of a block; the direct host's.

    patience: seconds that sessions of a killed apply are waited for. Raises Refused, naming who holds it, when another apply runs or the sessions of a killed one have not ended.
    """
    connection = await connect(replace(target.direct(), application_name=_who()))
    try:
        await _take(connection, target, patience)
        yield connection
    finally:
        await finish(connection.close(timeout=5))


def _who() -> str:
    """The apply's name to whoever looks at the server; 63 bytes are kept."""
    user = "somebody"
    with suppress(KeyError, OSError):  # an account without a name, as in containers
        user = getpass.getuser()
    return f"dbarch apply by {user}@{socket.gethostname()} pid {os.getpid()}"


async def _take(connection: Connection, target: Target, patience: float) -> None:
    with translating("taking the right to apply"):
        await connection.execute("set idle_session_timeout = 0; set statement_timeout = 0")
        held = await _within(connection, f"select pg_catalog.pg_try_advisory_lock({SPACE}, {APPLYING})", SHORTLY)
    if not held:
        holders = await _holders(connection, APPLYING)
        who = f" by {holders[0].application or f'process {holders[0].pid}'}" if holders else ""
        raise Refused(
            f"Another apply runs on {target.label}{who}; nothing was run.", "Wait for its end, then call it again."
        )
    if not await wait_for_absence(connection, patience):
        holders = await _holders(connection, PRESENT)
        raise Refused(
            f"A session of an earlier apply still runs on {target.label}: {'; '.join(map(str, holders))}.",
            "Wait for its end, or end it: " + " ".join(f"select pg_terminate_backend({one.pid});" for one in holders),
        )


async def wait_for_absence(connection: Connection, patience: float = PATIENCE) -> bool:
    """Whether no session runs revisions any more, waited for in seconds."""
    with translating("waiting for sessions of an apply"):
        if not await _within(connection, f"select pg_catalog.pg_try_advisory_lock({SPACE}, {PRESENT})", patience):
            return False
        await connection.execute(f"select pg_catalog.pg_advisory_unlock({SPACE}, {PRESENT})")
    return True


async def _within(connection: Connection, question: str, seconds: float) -> bool:
    """Whether a question is answered with yes in time."""
    deadline = time.monotonic() + seconds
    while not await connection.fetchval(question):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL)
    return True


async def end_sessions(connection: Connection) -> None:
    """End every session that runs revisions: whoever ran them was stopped. What they had not committed is undone."""
    with translating("ending the sessions of an apply"):
        for holder in await _holders(connection, PRESENT):
            await connection.execute("select pg_catalog.pg_terminate_backend($1)", holder.pid)
    await wait_for_absence(connection)


async def _holders(connection: Connection, number: int) -> tuple[Holder, ...]:
    with translating("asking who holds the right to apply"):
        rows = await read_rows(connection, _HOLDERS.format(SPACE=SPACE, number=number))
    return tuple(_holder(row) for row in rows)


def _holder(row: Mapping[str, Any]) -> Holder:
    return Holder(
        row["pid"], row["application_name"] or "", row["role"] or "", row["state"] or "", row["seconds"] or 0,
        " ".join((row["query"] or "").split()),
    )  # fmt: skip


async def watch_blockers(connection: Connection, done: asyncio.Event, seen: list[Holder]) -> None:
    """Until `done`: note who keeps the revision's sessions waiting. A look that fails costs only the note."""
    while not done.is_set():
        with suppress(DatabaseError):
            with translating("looking for who is in the way"):
                rows = await read_rows(connection, _BLOCKERS)
            if rows:
                seen[:] = [_holder(row) for row in rows]
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), POLL)
