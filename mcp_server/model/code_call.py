"""Calls and functions of the project's own Python, as its text has them.

Offsets are bytes of the file, counted from 0, the end left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcp_server.model.finding import Edit


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one file. line: of its start."""

    file: str
    line: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a call. name: the keyword, "" for a positional one. text: as written.

    begins: where its keyword stands, or the value itself. kind: "text" and "formatted" are strings, the second one put together from values; "call" has `called`, its dotted name.
    """

    name: str
    text: str
    kind: Literal["text", "formatted", "constant", "call", "name", "other"]
    span: Span
    begins: int
    called: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A call. name: dotted, imports followed: `sqlalchemy.create_engine`; `session.exec` for a method of a local name.

    function: key of the function that has it, "" for a module's own code. loop: the line of the innermost `for` around it
    in that function, 0 for none. values: names and attributes that a formatted text is put together from.
    """

    name: str
    arguments: tuple[Argument, ...]
    span: Span
    function: str = ""
    loop: int = 0
    awaited: bool = False
    values: tuple[str, ...] = ()

    @property
    def verb(self) -> str:
        """The last part of its name."""
        return self.name.rpartition(".")[2]

    def argument(self, name: str, position: int = -1) -> Argument | None:
        """The argument of that keyword, else the positional one of that number."""
        given = next((one for one in self.arguments if one.name == name), None)
        placed = [one for one in self.arguments if not one.name]
        return given or (placed[position] if 0 <= position < len(placed) else None)

    def is_spread(self) -> bool:
        """Whether arguments are handed over as `**settings`, so that what is missing may be in there."""
        return any(one.name == "**" for one in self.arguments)

    def with_keyword(self, text: str) -> Edit:
        """The edit that adds an argument after the last."""
        if not self.arguments:
            return Edit(self.span.file, self.span.end - 1, self.span.end - 1, text)
        end = self.arguments[-1].span.end
        return Edit(self.span.file, end, end, f", {text}")


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the project. key: `file:qualified.name`. route: `GET /tasks`, "" for none.

    starts: it runs when the application starts. is_main: a script's own entry.
    provides: the kind of session that it yields or returns; yields: it is a generator of one. response: the class that the route answers with, as written.
    """

    key: str
    name: str
    span: Span
    is_async: bool = False
    route: str = ""
    starts: bool = False
    is_main: bool = False
    yields: bool = False
    provides: Literal["", "sync", "async"] = ""
    response: str = ""
