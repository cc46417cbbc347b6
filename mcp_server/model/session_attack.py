"""Functions of the application, called as one user about the rows of another: what came back, what was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcp_server.model.isolation import Outcome

Became = Literal["changed", "removed", "added", "taken"]


@dataclass(frozen=True, slots=True)
class SessionFunction:
    """A function of the project that works on a session. name: `app.crud:Tasks.get`. path: within its file.

    words: names of classes that it is about. refused: why it is not called, "" when it may be.
    """

    name: str
    file: str
    path: str
    line: int
    is_route: bool = False
    words: tuple[str, ...] = ()
    refused: str = ""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Called:
    """What came of calling a function. knows_user: it is told who calls, by an argument or as a route.

    read: tables whose rows of another user it told of, () when it told of none; of which is not always known, then "".
    changes: (table, what became of another user's rows). about: what of the other's it was handed, in words.
    detail: why it was not tried, or what a reader should know of one that held.
    """

    function: SessionFunction
    outcome: Outcome
    knows_user: bool = True
    read: tuple[str, ...] = ()
    changes: tuple[tuple[str, Became], ...] = ()
    about: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SessionAttack:
    """All that was called. subject: what the copy is of. interpreter: that ran the code."""

    subject: str
    called: tuple[Called, ...]
    interpreter: str = ""
    notes: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many functions ended so."""
        return sum(one.outcome == outcome for one in self.called)
