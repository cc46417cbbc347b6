"""What generated rows showed of a migration, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.observation import LostValues, Rows
from mcp_server.render.words import one_line

LINE = 300
SHOWN = 8


def render_rows(rows: Rows | None, data_fault: str) -> list[str]:
    """One line for each thing that rows showed. data_fault: what they keep the migration from, "" for nothing."""
    if rows is None:
        return []
    found = [*_told(rows, data_fault)]
    cut = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [one_line(line, LINE) for line in found[:SHOWN]] + cut


def _told(rows: Rows, data_fault: str) -> Iterator[str]:
    if data_fault:
        yield f"{data_fault.removesuffix('.')}; on empty tables it passes. Look whether yours has such rows."
    yield from (f"{_values(one)} do not survive the upgrade{_example(one)}." for one in rows.lost)
    yield from (f"{_values(one)} do not survive a downgrade and an upgrade{_example(one)}." for one in rows.down)
    for table, why in rows.unfilled.items():
        yield f"{table} was rehearsed empty: {why}."


def _values(lost: LostValues) -> str:
    return f"{lost.rows} generated values of {lost.column}"


def _example(lost: LostValues) -> str:
    return f" ({lost.example})" if lost.example else ""


def count_rows(rows: Rows | None) -> str:
    """How many rows stood in how many tables, for the end of a sentence; "" without any."""
    if rows is None or not rows.filled:
        return ""
    tables = len(rows.filled)
    return f" with {sum(rows.filled.values())} generated rows in {tables} table{'s' if tables > 1 else ''}"
