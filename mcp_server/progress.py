"""What an operation tells of its progress, on a terminal: one line on stderr that goes away."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


class TerminalProgress:
    """A spinner with the latest message. Silent when stderr is not a terminal."""

    def __init__(self) -> None:
        self._status: Status | None = None

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the line away, so that something else can be written or asked."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def __call__(self, message: str, done: float | None) -> None:
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.markup import escape

        share = f" ({done:.0%})" if done is not None else ""
        text = f"{escape(message)}{share}"
        if self._status is None:
            self._status = Console(stderr=True).status(text)
            self._status.start()
        else:
            self._status.update(text)
