"""Sessions on a database that is in use: short waits for locks, a mark of their presence, a journal of what they ran.

The settings are made by SQL after the connection stands and are read back, because proxies drop start-up parameters in
silence. The mark is an advisory lock that ends with the session on the server, which may be later than our process.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from .failures import PASSWORD, postgres_words

KEPT = 2_000
# A server that misses its client ends the statement; not every platform can watch the connection, then it may not be set.
# https://www.postgresql.org/docs/current/runtime-config-connection.html
OPTIONAL = ("client_connection_check_interval",)


class SessionUnsafe(Exception):
    """A session did not take the settings without which nothing may be run in it."""


class RevisionChanged(Exception):
    """What Alembic would run is not what was rehearsed."""


class Journal:
    """What was sent, a line each before and after: it outlives this process, so that whoever comes next can tell.

    path: of the file, made by whoever asked.
    """

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND)
        self._number = 0

    def begin(self, sql: str, outside: bool) -> None:
        """A statement is sent. outside: of any transaction, so that it stays when a later one fails."""
        self._number += 1
        self._write({"number": self._number, "sql": PASSWORD.sub(r"\1'***'", sql)[:KEPT], "outside": outside})

    def end(self) -> None:
        """The last one came back."""
        self._write({"ended": self._number})

    def _write(self, line: dict[str, Any]) -> None:
        os.write(self._file, (json.dumps(line) + "\n").encode())


def prepare(settings: dict[str, int], presence: tuple[int, int]) -> None:
    """From now on every session of SQLAlchemy begins with the settings, in milliseconds, and the mark of its presence."""
    from sqlalchemy import event
    from sqlalchemy.pool import Pool

    def begin(connection: Any, record: Any) -> None:
        for name, value in settings.items():
            _set(connection, name, value)
        _check(
            connection,
            f"select pg_catalog.pg_try_advisory_lock_shared({presence[0]}, {presence[1]})",
            "another apply began",
        )

    event.listen(Pool, "connect", begin)


def _set(connection: Any, name: str, value: int) -> None:
    try:
        _ask(connection, f"select pg_catalog.set_config('{name}', '{value}ms', false)")
    except Exception as error:  # every driver has its own, and whatever it is, nothing may be run in this session
        connection.rollback()
        if name in OPTIONAL:
            return
        raise SessionUnsafe(f"{name} cannot be set: {postgres_words(error)['message']}") from error
    if name not in OPTIONAL:
        # A pooler that shares sessions would answer for another one.
        kept = f"pg_catalog.interval_eq(cast(pg_catalog.current_setting('{name}') as interval), interval '{value} ms')"
        _check(connection, f"select {kept}", f"{name} is not kept")


def _check(connection: Any, sql: str, otherwise: str) -> None:
    if _ask(connection, sql) is not True:
        raise SessionUnsafe(otherwise)


def _ask(connection: Any, sql: str) -> Any:
    """One value, in a transaction of its own."""
    cursor = connection.cursor()
    cursor.execute(sql)
    row = cursor.fetchone()
    cursor.close()
    connection.commit()
    return row[0]


def keep_journal(journal: Journal, walk: Any) -> None:
    """Write down every statement of a revision, with Alembic's own."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def begin(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if walk.running:
            journal.begin(statement, _is_outside(connection))

    def end(*_: Any) -> None:
        if walk.running:
            journal.end()

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)


def _is_outside(connection: Any) -> bool:
    """Whether a statement on this connection is committed at once."""
    option = connection.get_execution_options().get("isolation_level")
    if option:
        return str(option).upper() == "AUTOCOMMIT"
    pooled = connection.connection
    own = getattr(pooled, "dbapi_connection", None) or pooled.connection
    return getattr(own, "autocommit", False) is True


def check_steps(steps: list[Any], revision: str, digest: str) -> None:
    """Raise RevisionChanged unless these steps are the one revision with that content. digest: SHA-256, in hex."""
    found = [step.revision for step in steps]
    if [script.revision for script in found] != [revision]:
        names = ", ".join(str(script.revision) for script in found) or "nothing"
        raise RevisionChanged(f"Alembic would run {names} instead of {revision} alone")
    with open(str(found[0].path), "rb") as file:
        if hashlib.sha256(file.read()).hexdigest() != digest:
            raise RevisionChanged(f"{found[0].path} was changed since it was rehearsed")
