"""Each statement of a revision is told to the process that asked.

SQLAlchemy's events are the boundaries. What only the session itself can see is asked for on its own connection, in
its own transaction (see session_state.py on the other side); Postgres's messages are taken from the driver.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .channel import Channel
from .failures import PASSWORD, postgres_words


class Watch:
    """Tells of statements. is_of_revision: whether a statement is a revision's; revision: the one that runs now.

    caller: the file and line of the user's code that sends it. questions: "state" is asked after each statement, "keys"
    when Postgres said something that begins with "wants_keys".
    """

    def __init__(
        self,
        channel: Channel,
        questions: dict[str, str],
        is_of_revision: Callable[[str], bool],
        revision: Callable[[], str],
        caller: Callable[[], tuple[str, int]],
    ) -> None:
        self._channel = channel
        self._questions = questions
        self._is_of_revision = is_of_revision
        self._revision = revision
        self._caller = caller
        self._messages: list[str] = []
        self._transactions: dict[int, str] = {}
        self._began = 0.0
        self._told: dict[str, Any] = {}
        self._is_wrapped = False
        self._boundary = False

    def install(self) -> None:
        """From now on every statement is told."""
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        event.listen(Engine, "before_cursor_execute", self.before)
        event.listen(Engine, "after_cursor_execute", self.after)
        event.listen(Engine, "handle_error", self.fail)
        event.listen(Engine, "commit", self.bound)
        event.listen(Engine, "rollback", self.bound)

    def bound(self, connection: Any) -> None:
        """A transaction ends."""
        self._boundary = True

    def before(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        """A statement is about to be sent. Outside of a transaction we ask first: somebody may want to see what it holds."""
        self._told = {}
        if not self._is_of_revision(statement):
            return
        fairy = connection.connection
        self._listen(fairy)
        file, line = self._caller()
        self._told = {
            "sql": PASSWORD.sub(r"\1'***'", _as_sent(connection, statement)),
            "revision": self._revision(),
            "place": f"{file}:{line}" if file else "",
            "pid": _pid(fairy),
        }
        if getattr(fairy, "autocommit", False):
            reply = self._channel.ask({"say": "before", **self._told})
            self._is_wrapped = bool(reply["wrap"])
            if self._is_wrapped:
                _run(fairy, "begin")
        _take(_driver_connection(fairy), self._messages)
        self._messages.clear()
        self._began = time.perf_counter()

    def after(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        """A statement has ended; its transaction has not."""
        if not self._told:
            return
        told, fairy = self._ended(), connection.connection
        _take(_driver_connection(fairy), self._messages)
        told["messages"] = list(self._messages)
        told["pid"], told["transaction"], told["state"] = _run(fairy, self._questions["state"])[:3]
        wants_keys = any(one.startswith(self._questions["wants_keys"]) for one in self._messages)
        told["keys"] = _run(fairy, self._questions["keys"])[0] if wants_keys else None
        fairy.info["dbarch_pid"] = told["pid"]
        self._tell(told)
        if self._is_wrapped:
            self._is_wrapped = False
            _run(fairy, "commit")

    def fail(self, context: Any) -> None:
        """Postgres refused a statement."""
        if not self._told or context.statement is None:
            return
        told, fairy = self._ended(), context.connection.connection
        _take(_driver_connection(fairy), self._messages)
        words = postgres_words(context.original_exception)
        told.update(messages=list(self._messages), error=words["message"], sqlstate=words["sqlstate"])
        self._channel.send({**told, "waits": False})
        if self._is_wrapped:
            self._is_wrapped = False
            _run(fairy, "rollback")

    def _tell(self, told: dict[str, Any]) -> None:
        """Wait for whoever asked at the first statement of a transaction: what stands before it must be looked at now."""
        is_first = self._transactions.get(told["pid"]) != told["transaction"]
        self._transactions[told["pid"]] = told["transaction"]
        (self._channel.ask if is_first else self._channel.send)({**told, "waits": is_first})

    def _ended(self) -> dict[str, Any]:
        told, self._told = self._told, {}
        told.update(say="after", milliseconds=(time.perf_counter() - self._began) * 1000, boundary=self._boundary)
        self._boundary = False
        return told

    def _listen(self, fairy: Any) -> None:
        """Hear what Postgres says besides its results, once for each connection."""
        driver = _driver_connection(fairy)
        if "dbarch_heard" in fairy.info:
            return
        fairy.info["dbarch_heard"] = True
        if hasattr(driver, "add_notice_handler"):  # psycopg
            driver.add_notice_handler(lambda diagnostic: self._messages.append(str(diagnostic.message_primary)))
        elif hasattr(driver, "add_log_listener"):  # asyncpg
            driver.add_log_listener(lambda _, message: self._messages.append(str(message.message)))


def _driver_connection(fairy: Any) -> Any:
    """The driver's own connection behind what SQLAlchemy hands out; its name changed with 1.4.24."""
    for name in ("driver_connection", "dbapi_connection", "connection"):
        found = getattr(fairy, name, None)
        if found is not None:
            return getattr(found, "_connection", found) if name != "driver_connection" else found
    return fairy


def _take(driver: Any, messages: list[str]) -> None:
    """Move what a driver has collected: psycopg2 as lines with the severity before them, pg8000 as fields."""
    notices = getattr(driver, "notices", None)
    if notices is None or not hasattr(notices, "clear"):
        return
    for notice in list(notices):
        if isinstance(notice, dict):
            field = notice.get(b"M", notice.get("M", b""))
            messages.append(field.decode("utf-8", "replace") if isinstance(field, bytes) else str(field))
        else:
            messages.append(str(notice).partition(":")[2].strip())
    notices.clear()


def _as_sent(connection: Any, statement: str) -> str:
    """The statement as the server gets it: where `%` marks parameters, the driver takes one for two."""
    return statement.replace("%%", "%") if connection.dialect.paramstyle in ("format", "pyformat") else statement


def _pid(fairy: Any) -> int:
    """The backend's process id, 0 while it is not known and a question would open a transaction."""
    if "dbarch_pid" not in fairy.info:
        if not getattr(fairy, "autocommit", False):
            return 0
        fairy.info["dbarch_pid"] = _run(fairy, "select pg_catalog.pg_backend_pid()")[0]
    pid: int = fairy.info["dbarch_pid"]
    return pid


def _run(fairy: Any, sql: str) -> Any:
    """Run something of ours on the driver's connection, past SQLAlchemy; -> the first row, if there is one."""
    cursor = fairy.cursor()
    try:
        cursor.execute(sql)
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.close()
