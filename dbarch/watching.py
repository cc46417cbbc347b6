"""Watch what SQLAlchemy sends: relationships that are loaded row by row, statements that are sent again and again.

    with dbarch.watch() as seen:
        client.get("/teams")
    assert not seen.repeats, seen.report()

`seen.save("workload.json")` keeps the statements, for recommend_indexes to find indexes for.
Both are counted by the line of the project's own code that caused them, in threads and in asynchronous sessions alike.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

LAZY = "dbarch_lazy_load"
# Files that a statement passes through on its way, and that cause none.
BETWEEN = tuple(
    f"{os.sep}{name}{os.sep}" for name in ("sqlalchemy", "sqlmodel", "greenlet", "pydantic", "fastapi", "starlette")
)
HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


@dataclass(frozen=True)
class Repeat:
    """Something that was done for each row. kind: "lazy load" or "statement". name: `Team.heroes`, or the SQL.

    place: `file:line` of the line that caused it. count: how often.
    """

    kind: str
    name: str
    place: str
    count: int

    def __str__(self) -> str:
        shown = self.name if len(self.name) <= 120 else self.name[:117] + "..."
        return f"{self.place}: {self.kind} of {shown}, {self.count} times"


class TooManyQueries(AssertionError):
    """Raised at the end of a strict watch that saw repeats."""


@dataclass
class Watch:
    """What was seen. lazy: from how many lazy loads of one relationship at one line on they count; repeated: statements."""

    lazy: int = 2
    repeated: int = 5
    statements: int = 0
    _loads: Counter[tuple[str, str]] = field(default_factory=Counter)
    _sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    _texts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def repeats(self) -> tuple[Repeat, ...]:
        """What was done for each row, the most frequent first."""
        with self._lock:
            loads = [Repeat("lazy load", name, place, n) for (name, place), n in self._loads.items() if n >= self.lazy]
            sent = [
                Repeat("statement", name, place, n) for (name, place), n in self._sent.items() if n >= self.repeated
            ]
        return tuple(sorted((*loads, *sent), key=lambda one: (-one.count, one.place, one.name)))

    @property
    def lazy_loads(self) -> tuple[Repeat, ...]:
        """Every relationship that was loaded when it was read, be it once."""
        with self._lock:
            return tuple(Repeat("lazy load", name, place, n) for (name, place), n in self._loads.items())

    def report(self) -> str:
        """The repeats, a line each, with what helps."""
        lines = [str(one) for one in self.repeats]
        if any(one.kind == "lazy load" for one in self.repeats):
            lines.append("Load relationships along: .options(selectinload(Model.relationship)).")
        if any(one.kind == "statement" for one in self.repeats):
            lines.append("Ask once for all rows: Model.id.in_(ids), or a join.")
        return "\n".join(lines) or "nothing was repeated"

    def save(self, path: str) -> None:
        """Write what was sent, with how often, for `recommend_indexes(queries=["file:<path>"])`. Values are not kept."""
        with self._lock:
            sent = [{"sql": sql, "calls": calls} for sql, calls in self._texts.most_common()]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(sent, file, indent=1)

    def loaded(self, state: Any) -> None:
        """SQLAlchemy is about to run a statement of the ORM."""
        if state.is_relationship_load and state.lazy_loaded_from is not None:
            path = state.loader_strategy_path
            name = str(path[-1]) if path is not None else "a relationship"
            with self._lock:
                self._loads[name, _place()] += 1
            state.update_execution_options(**{LAZY: True})

    def sent(self, _connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:
        """A statement is about to be sent."""
        options = getattr(context, "execution_options", None) or {}
        with self._lock:
            self.statements += 1
            self._texts[" ".join(sql.split())] += 1
            if not options.get(LAZY):
                self._sent[" ".join(sql.split()), _place()] += 1


@contextmanager
def watch(*, lazy: int = 2, repeated: int = 5, strict: bool = False) -> Iterator[Watch]:
    """Watch all engines and sessions of this process for the length of a block.

    lazy, repeated: see Watch. strict: raise TooManyQueries at the end when something was repeated.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.orm import Session

    seen = Watch(lazy, repeated)
    event.listen(Session, "do_orm_execute", seen.loaded)
    event.listen(Engine, "before_cursor_execute", seen.sent)
    try:
        yield seen
    finally:
        event.remove(Session, "do_orm_execute", seen.loaded)
        event.remove(Engine, "before_cursor_execute", seen.sent)
    if strict and seen.repeats:
        raise TooManyQueries(seen.report())


def _place() -> str:
    """`file:line` of the innermost frame that is the project's own."""
    for frame in _frames():
        name = frame.f_code.co_filename
        if not (name.startswith(("<", HERE)) or any(part in name for part in BETWEEN)) and not _is_library(name):
            return f"{_short(name)}:{frame.f_lineno}"
    return "unknown"


def _is_library(name: str) -> bool:
    return f"{os.sep}site-packages{os.sep}" in name or name.startswith(os.path.dirname(os.__file__) + os.sep)


def _short(name: str) -> str:
    path = os.path.relpath(name)
    return name if path.startswith("..") else path.replace(os.sep, "/")


def _frames() -> Iterator[FrameType]:
    """The frames of this thread, innermost first, on through the greenlets that wait for this one."""
    frame: FrameType | None = sys._getframe(1)
    greenlet = sys.modules.get("greenlet")
    current = greenlet.getcurrent() if greenlet else None
    while True:
        while frame is not None:
            yield frame
            frame = frame.f_back
        current = current.parent if current is not None else None
        if current is None:
            return
        frame = current.gr_frame
