"""What one reading statement gave back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result. type: Postgres's own word for it , short: `int8`, `timestamptz`, `text[]`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Result:
    """Rows as Postgres writes them.

    rows: a text or None (NULL) for each column; a text longer than was asked for is cut, and ends with `…`.
    more: there are rows beyond these. milliseconds: from sending the statement to its last row.
    """

    columns: tuple[ResultColumn, ...]
    rows: tuple[tuple[str | None, ...], ...]
    more: bool
    milliseconds: float
    notes: tuple[str, ...] = ()
