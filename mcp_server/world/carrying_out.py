"""One revision, run by the user's own Alembic on a database that is in use. The guest can reach no other database."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mcp_server.errors import ConfigError, MigrationError, Refused, Unavailable
from mcp_server.model.names import quote
from mcp_server.model.orm import History
from mcp_server.world import files
from mcp_server.world.apply_lock import PRESENT, SPACE, Connection, Holder, end_sessions, watch_blockers
from mcp_server.world.database import finish, translating
from mcp_server.world.guest_errors import migration_error
from mcp_server.world.guest_process import Answer
from mcp_server.world.translation import SAFE_DETAIL

if TYPE_CHECKING:
    from mcp_server.world.alembic_process import Alembic
    from mcp_server.world.ledger import Ledger
    from mcp_server.world.urls import Target

LIMIT = 24 * 3600.0
IDLE_MS = 300_000
WATCH_MS = 5_000


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient an apply is. attempts: how often a revision is tried when it only met locks."""

    lock_timeout_ms: int = 3_000
    statement_timeout_ms: int = 3_600_000
    attempts: int = 10

    @property
    def settings(self) -> dict[str, int]:
        """What every session is set to, in milliseconds."""
        return {
            "lock_timeout": self.lock_timeout_ms,
            "statement_timeout": self.statement_timeout_ms,
            "idle_in_transaction_session_timeout": IDLE_MS,
            "client_connection_check_interval": WATCH_MS,
        }


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement of a revision. outside: of any transaction, so that it stays. ended: whether it came back."""

    sql: str
    outside: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try of a revision went. error: None when Alembic came to its end. statements: those that ran.

    sqlstate: of the error, "" when it was no refused statement. blockers: who was last seen in the way.
    """

    sent: tuple[Sent, ...]
    error: MigrationError | None = None
    sqlstate: str = ""
    blockers: tuple[Holder, ...] = ()
    statements: int = 0

    @property
    def met_locks(self) -> bool:
        """Whether it failed only because of what other sessions hold: lock_not_available, deadlock_detected."""
        return self.sqlstate in ("55P03", "40P01")


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a run left behind that did not come to its end. at: UTC, as 2026-01-31T12:00:00Z."""

    revision: str
    at: str
    sent: tuple[Sent, ...]


class Runner:
    """Runs revisions on one database. connection: holds the right to apply there, see apply_lock.alone()."""

    def __init__(
        self, alembic: Alembic, history: History, target: Target, connection: Connection, journal: Path, policy: Policy
    ) -> None:
        self.policy = policy
        self._alembic = alembic
        self._history = history
        self._target = target.direct()
        self._connection = connection
        self._journal = journal

    async def run(self, revision: str, sha256: str, command: Literal["upgrade", "stamp"] = "upgrade") -> Attempt:
        """Try one revision once. When cancelled, its sessions are ended before this returns.

        Raises ConfigError when the journal cannot be written, DatabaseError when the connection broke.
        """
        _begin_journal(self._journal, revision)
        request = await self._request(revision, sha256, command)
        done, seen = asyncio.Event(), list[Holder]()
        watching = asyncio.create_task(watch_blockers(self._connection, done, seen))
        try:
            answer, statements = await self._visit(request)
        finally:
            done.set()
            await finish(self._settle(watching))
        stopped = read_journal(self._journal)
        sent = stopped.sent if stopped else ()
        if answer.result is not None:
            return Attempt(sent, statements=statements)
        sqlstate = str(answer.error.get("sqlstate", ""))
        error = migration_error(without_rows(answer), self._alembic.interpreter, self._history, LIMIT)
        return Attempt(sent, error, sqlstate, tuple(seen), len(sent))

    async def _visit(self, request: Mapping[str, Any]) -> tuple[Answer, int]:
        """-> what the guest answered, and how many statements its revision sent."""
        statements = 0
        async with self._alembic.visiting(request, self._target.url(), LIMIT) as guest:
            while (said := await guest.hear()) is not None:
                statements += said["statements"]
                await guest.reply({})
            return await guest.end(), statements

    async def _settle(self, watching: asyncio.Task[None]) -> None:
        """The guest has ended; wait until its sessions have, too. Whoever looks afterwards does when our own has ended."""
        await watching
        with suppress(Unavailable):
            await end_sessions(self._connection)

    async def _request(self, revision: str, sha256: str, command: str) -> dict[str, Any]:
        return {
            "action": "run",
            "steps": [[command, revision]],
            "target": await self._guest_target(),
            "live": {
                "settings": self.policy.settings,
                "presence": [SPACE, PRESENT],
                "journal": str(self._journal),
                "sha256": sha256,
            },
        }

    async def _guest_target(self) -> dict[str, Any]:
        """The very database that our connection is on, with a way that is as safe."""
        target = self._target
        if not target.host:
            raise Refused(
                "The database URL names no host.", "Name it, so that Alembic meets the same server as dbarch."
            )
        with translating("asking where we are"):
            row = await self._connection.fetchrow(
                "select session_user::pg_catalog.text, pg_catalog.current_database()::pg_catalog.text"
            )
        assert row is not None
        return {
            "host": target.host,
            "port": target.port or 5432,
            "user": row[0],
            "password": target.password,
            "database": row[1],
            "sslmode": mode_of(target),
            "sslrootcert": target.sslrootcert,
            "sslcert": target.sslcert,
            "sslkey": target.sslkey,
            "options": target.options,
        }


def mode_of(target: Target) -> str:
    """The sslmode that the user's driver is told; "" leaves it to the driver, where neither the URL nor the host asks for one."""
    return target.verification if target.sslmode or target.is_neon else ""


def without_rows(answer: Answer) -> Answer:
    """The answer without a DETAIL that may quote rows: these are real ones."""
    is_safe = str(answer.error.get("sqlstate", "")).startswith(SAFE_DETAIL)
    return answer if is_safe or not answer.error else replace(answer, error={**answer.error, "detail": ""})


async def read_heads(connection: Connection, history: History) -> tuple[str, ...]:
    """The revisions that a database is marked with, sorted; () when it has no version table."""
    table = quote(history.version_table)
    name = f"{quote(history.version_table_schema)}.{table}" if history.version_table_schema else table
    with translating("reading the version table"):
        if not await connection.fetchval("select pg_catalog.to_regclass($1) is not null", name):
            return ()
        rows = await connection.fetch(f"select version_num from {name}")
    return tuple(sorted(row[0] for row in rows))


def journal_of(ledger: Ledger, target: Target) -> Path:
    """Where the runs on a database are written down while they last."""
    digest = hashlib.sha256(repr(target.direct().place).encode()).hexdigest()[:12]
    return ledger.folder / "applying" / f"{digest}.jsonl"


def _begin_journal(path: Path, revision: str) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace(path, (json.dumps({"revision": revision, "at": at}) + "\n").encode())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}; nothing was run.",
            "Make the project's folder .dbarch writable: what runs is written down there as it runs.",
        ) from error


def read_journal(path: Path) -> Stopped | None:
    """What the last run on a database sent; None when none was left."""
    try:
        lines = [*_lines(path.read_text("utf-8", "replace"))]
    except OSError:
        return None
    if not lines or "revision" not in lines[0]:
        return None
    ended = {line["ended"] for line in lines if "ended" in line}
    sent = (Sent(one["sql"], one["outside"], one["number"] in ended) for one in lines if "number" in one)
    return Stopped(lines[0]["revision"], lines[0]["at"], tuple(sent))


def _lines(text: str) -> Iterator[Mapping[str, Any]]:
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return  # the last one, when its writer was killed
