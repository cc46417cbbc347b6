"""Sessions for one call of the application: on the throw-away database, in one transaction that is rolled back.

What the application commits ends a savepoint. The rows of a user are looked at, and taken away, by two functions that were made
for it in the database (world/session_ground.py), because policies would hide them from this role.
https://docs.sqlalchemy.org/en/20/orm/session_transaction.html#joining-a-session-into-an-external-transaction-such-as-for-test-suites
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from .told import Told

Row = tuple[str, str, str, str]
LOOK = "select relation, key, owner, content from dbarch_attack.look()"
BARE = "select dbarch_attack.bare(cast(:name as text))"
REMOVE = "select dbarch_attack.remove(cast(:name as text))"
SETTING = "select pg_catalog.set_config(:name, :value, true)"


class Bench:
    """Opens sessions. settings: what names the user to policies. outside: whether another connection was used."""

    def __init__(self, settings: dict[str, str]) -> None:
        self.settings = settings
        self.outside = False
        self._ours: set[int] = set()

    def listen(self) -> None:
        """From now on, notice statements on connections that are not ours."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        def sent(connection: Any, *_: Any) -> None:
            if id(connection.engine) not in self._ours:
                self.outside = True

        event.listen(Engine, "before_cursor_execute", sent)

    @asynccontextmanager
    async def opened(self, kind: Any, is_async: bool, without: str = "", bare: str = "") -> AsyncIterator[Opened]:
        """A session of a class, of its own kind. without: the user whose rows are taken away first, "" for nobody's.

        bare: the table whose rows get rid of all that hangs on them first, "" for none.
        """
        self.outside = False
        opening = self._asynchronous(kind, without, bare) if is_async else self._synchronous(kind, without, bare)
        async with opening as session:
            yield session

    @asynccontextmanager
    async def _synchronous(self, kind: Any, without: str, bare: str) -> AsyncIterator[Opened]:
        import sqlalchemy
        from sqlalchemy.pool import NullPool

        engine = sqlalchemy.create_engine("postgresql://", poolclass=NullPool)
        self._ours = {id(engine)}
        try:
            with engine.connect() as connection:
                transaction = connection.begin()
                try:
                    before = self._prepare(connection, without, bare)
                    with kind(
                        bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False
                    ) as session:
                        yield Opened(session, None, before)
                finally:
                    transaction.rollback()
        finally:
            engine.dispose()

    @asynccontextmanager
    async def _asynchronous(self, kind: Any, without: str, bare: str) -> AsyncIterator[Opened]:
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.pool import NullPool

        engine = create_async_engine("postgresql+asyncpg://", poolclass=NullPool)
        self._ours = {id(engine.sync_engine)}
        try:
            async with engine.connect() as connection:
                transaction = await connection.begin()
                try:
                    before = await connection.run_sync(self._prepare, without, bare)
                    options = {"join_transaction_mode": "create_savepoint", "expire_on_commit": False}
                    async with kind(bind=connection, **options) as session:
                        yield Opened(session, session.run_sync, before)
                finally:
                    await transaction.rollback()
        finally:
            await engine.dispose()

    def _prepare(self, connection: Any, without: str, bare: str) -> frozenset[Row]:
        from sqlalchemy import text

        connection.execute(text("set transaction read write"))  # the role's other sessions may only read
        for name, value in self.settings.items():
            connection.execute(text(SETTING), {"name": name, "value": value})
        if bare:
            connection.execute(text(BARE), {"name": bare})
        if without:
            connection.execute(text(REMOVE), {"name": without})
        return rows(connection)


class Opened:
    """A session in its transaction. before: all rows of users when it began."""

    def __init__(self, session: Any, run_sync: Any, before: frozenset[Row]) -> None:
        self.session = session
        self.before = before
        self._run_sync = run_sync

    async def within(self, work: Callable[[Any], Any]) -> Any:
        """Do something with the session as a plain one."""
        return await self._run_sync(work) if self._run_sync is not None else work(self.session)

    async def settle(self, told: Told) -> None:
        """What the call changed, with what its caller would have committed; of one that failed, what it has committed itself."""
        told.before = self.before
        told.after = await self.within(_rolled_back if told.error else _flushed)


def _rolled_back(session: Any) -> frozenset[Row]:
    session.rollback()
    return rows(session.connection())


def _flushed(session: Any) -> frozenset[Row]:
    session.flush()
    return rows(session.connection())


def rows(connection: Any) -> frozenset[Row]:
    """All rows of users, past all policies: (table, key, owner, content)."""
    from sqlalchemy import text

    return frozenset(tuple(row) for row in connection.execute(text(LOOK)))
