"""One way to connect, one way to read: asyncpg on the direct host, guards that Postgres itself enforces.

Safety does not rest on start-up parameters (Neon's proxy drops them in silence) nor on reading SQL: it is a read-only
transaction whose settings are read back, that is always rolled back, and that must not have been given a transaction
id. Errors of the driver leave here as DatabaseError (see translation.py).
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import asyncpg

from mcp_server.errors import ConfigError, DatabaseError, Refused
from mcp_server.world.patience import Patience, given_up, may_pass, patience_for
from mcp_server.world.translation import translated, translating
from mcp_server.world.urls import Target, read_url

__all__ = ["connect", "finish", "read_only", "translated", "translating"]

T = TypeVar("T")
U = TypeVar("U")


if TYPE_CHECKING:
    Driver: TypeAlias = asyncpg.Connection[asyncpg.Record]
else:
    Driver = asyncpg.Connection


class Session(Driver):
    """A connection whose driver looks up what it asks for itself in pg_catalog alone.

    asyncpg asks about types that it does not know on whatever search_path the session has, so that operators and
    functions of others along it would run. It has no public way to be told otherwise.
    """

    async def _introspect_types(self, typeoids: Any, timeout: Any) -> Any:  # noqa: ASYNC109
        local = "true" if self.is_in_transaction() else "false"
        ask = self._Connection__execute  # type: ignore[attr-defined]
        rows, _ = await ask(
            f"select pg_catalog.current_setting('search_path'), pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', {local})",
            (), 0, timeout, ignore_custom_codec=True,
        )  # fmt: skip
        try:
            return await super()._introspect_types(typeoids, timeout)  # type: ignore[misc]
        finally:
            if not self.is_closed():
                back = f"select pg_catalog.set_config('search_path', $1, {local})"
                await ask(back, (rows[0][0],), 0, timeout, ignore_custom_codec=True)


async def connect(
    url: str | Target,
    *,
    read_only: bool = False,
    timeout: float = 15.0,  # noqa: ASYNC109 (a limit of the driver, which cleans up after itself)
    application_name: str = "dbarch",
    pooled: bool = False,
    patience: Patience | None = None,
) -> asyncpg.Connection[asyncpg.Record]:
    """Open a connection to the database that `url` means, in any spelling a driver accepts (see urls.py).

    A Neon pooler's host is replaced by the direct one unless `pooled`: sessions are shared behind a pooler. Both of
    asyncpg's statement caches are off, so no prepared statement outlives its use. With `read_only` every transaction
    of the session starts read-only. `timeout`: seconds of one try; the URL's connect_timeout wins. patience: how a
    database is waited for that does not answer for now, see patience.py.
    Raises ConfigError for the URL, ConnectionFailed or TimedOut for the way there.
    """
    target = read_url(url) if isinstance(url, str) else url
    target = target if pooled else target.direct()
    patience = patience or patience_for(target)
    began, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            with translating(f"connecting to {target.label}"):
                return await _open(target, application_name, target.connect_timeout or timeout, read_only=read_only)
        except DatabaseError as error:
            if not may_pass(error, target):
                raise
            pause, spent = patience.pause(tries), time.monotonic() - began
            if tries == patience.tries or spent + pause > patience.whole:
                raise given_up(error, target, tries, spent) from error
        await asyncio.sleep(pause)


async def _open(
    target: Target, application_name: str, seconds: float, *, read_only: bool
) -> asyncpg.Connection[asyncpg.Record]:
    """One try. seconds: for all of it."""
    settings = {"application_name": target.application_name or application_name}
    if target.options:
        settings["options"] = target.options
    connection = await asyncpg.connect(
        host=target.host or None,
        port=target.port or None,
        user=target.user or None,
        password=target.password or None,
        database=target.database or None,
        timeout=seconds,
        ssl=tls(target),
        direct_tls=target.direct_tls,
        statement_cache_size=0,
        server_settings=settings,
        connection_class=Session,
    )
    if read_only:
        try:
            await connection.execute("set default_transaction_read_only = on", timeout=seconds)
        except BaseException:
            connection.terminate()
            raise
    return connection


def tls(target: Target) -> ssl.SSLContext | Literal[False, "allow", "prefer"]:
    """What asyncpg is told about TLS: a context that checks what the URL asks for, or libpq's word.

    libpq's meaning: https://www.postgresql.org/docs/current/libpq-ssl.html. Two things are stricter: a Neon host is
    verified in full (asyncpg cannot bind channels), and verify-* falls back to the system's authorities.
    """
    mode = target.verification
    if mode == "disable":
        return False
    if mode == "allow":
        return "allow"
    if mode == "prefer":
        return "prefer"
    try:
        context = ssl.create_default_context(cafile=_authorities(target))
        context.check_hostname = mode == "verify-full"
        if mode == "require":
            context.verify_mode = ssl.CERT_NONE
        if target.sslcert:
            context.load_cert_chain(target.sslcert, target.sslkey or None)
    except OSError as error:
        raise ConfigError(
            f"A certificate file of the database URL cannot be read: {error.strerror or error}.",
            "Check sslrootcert, sslcert and sslkey.",
        ) from error
    return context


def _authorities(target: Target) -> str | None:
    """The file of trusted authorities, or None for the system's own."""
    if target.sslrootcert:
        return None if target.sslrootcert == "system" else target.sslrootcert
    home = Path.home() / ".postgresql" / "root.crt"
    return str(home) if home.is_file() and not target.is_neon else None


@asynccontextmanager
async def read_only(
    connection: asyncpg.Connection[asyncpg.Record],
    *,
    statement_timeout_ms: int = 30_000,
    lock_timeout_ms: int = 2_000,
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Lend `connection` inside a guarded read-only transaction on one snapshot, and roll it back.

    One round trip to enter and one to leave. Run foreign SQL by `fetch` and its kin, which send one statement by the
    extended protocol; `execute` without arguments would accept several. Raises Refused when the guards are not in
    force, or afterwards when the transaction was left or was given a transaction id.
    """
    if connection.is_in_transaction():
        raise Refused("The connection already is in a transaction.", "Use a connection of its own for guarded reading.")
    token = secrets.token_hex(8)
    with translating("opening a read-only transaction"):
        try:
            await connection.execute(_opening(token, statement_timeout_ms, lock_timeout_ms))
        except asyncpg.DivisionByZeroError:
            await finish(connection.execute("rollback"))
            raise Refused(
                "The database did not take the read-only guards.",
                "Connect to Postgres directly, not through a pooler or proxy that changes settings.",
            ) from None
    try:
        yield connection
    finally:
        if not connection.is_closed():
            await finish(_close(connection, token))


def _opening(token: str, statement_timeout_ms: int, lock_timeout_ms: int) -> str:
    """Begin, set the guards, and divide by zero unless all of them are in force.

    default_transaction_read_only is set for the session, inside the transaction: our rollback takes it back, while a
    COMMIT that leaves the transaction makes it last, so that what follows is read-only, too.
    """
    limits = {
        "statement_timeout": statement_timeout_ms,
        "lock_timeout": lock_timeout_ms,
        "idle_in_transaction_session_timeout": max(60_000, 2 * statement_timeout_ms),
    }
    sets = ", ".join(f"pg_catalog.set_config('{name}', '{int(value)}', true)" for name, value in limits.items())
    checks = " and ".join(
        f"pg_catalog.interval_eq(pg_catalog.current_setting('{name}')::pg_catalog.interval, '{int(value)} ms')"
        for name, value in limits.items()
    )
    in_force = f"""
        pg_catalog.texteq(pg_catalog.current_setting('transaction_read_only'), 'on')
        and pg_catalog.texteq(pg_catalog.current_setting('transaction_isolation'), 'repeatable read')
        and {_same_transaction(token)} and {checks}
    """
    return f"""
        begin isolation level repeatable read read only;
        select {sets}, pg_catalog.set_config('dbarch.guard', '{token}', true),
               pg_catalog.set_config('default_transaction_read_only', 'on', false);
        {_require(in_force)}
    """


def _same_transaction(token: str) -> str:
    """The condition that the setting made when the transaction began is still there: it ends with the transaction."""
    return f"pg_catalog.texteq(coalesce(pg_catalog.current_setting('dbarch.guard', true), ''), '{token}')"


def _require(condition: str) -> str:
    """A statement that divides by zero unless the condition holds.

    It needs no language and no second round trip; functions instead of operators, each with its schema, so that nothing
    along the user's search_path is called.
    """
    return f"select pg_catalog.int4div(1, ({condition})::pg_catalog.int4);"


async def _close(connection: asyncpg.Connection[asyncpg.Record], token: str) -> None:
    """Roll back, free session locks, and raise Refused unless the guarded transaction was still open and unwritten."""
    check = _require(f"{_same_transaction(token)} and pg_catalog.pg_current_xact_id_if_assigned() is null")
    cleaning = "rollback; select pg_catalog.pg_advisory_unlock_all(); deallocate all;"
    left = not connection.is_in_transaction()
    with translating("leaving a read-only transaction"):
        try:
            await connection.execute(f"{check} {cleaning}")
        except asyncpg.InFailedSQLTransactionError:
            # A statement failed and was handled by the caller: nothing of this transaction can stay.
            await connection.execute(cleaning)
        except asyncpg.DivisionByZeroError:
            left = True
            await connection.execute(f"{cleaning} reset default_transaction_read_only;")
    if left:
        raise Refused(
            "The statement left the read-only transaction or was given a transaction id.",
            "Only statements that read are run here; transaction control (BEGIN, COMMIT, ROLLBACK) is not.",
        )


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end even when the caller is cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()


async def together(one: Coroutine[Any, Any, T], other: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """The results of two works that go on at once. A failure, the first one's before the second's, is raised when both have ended."""
    found, also = await asyncio.gather(one, other, return_exceptions=True)
    if isinstance(found, BaseException):
        raise found
    if isinstance(also, BaseException):
        raise also
    return found, also
