"""Edits of files, carried out on their bytes."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.finding import Edit


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """The file with its edits; of two that overlap the earlier one is made, doubles once."""
    at = 0
    parts: list[bytes] = []
    for edit in sorted(dict.fromkeys(edits), key=lambda one: (one.start, one.end)):
        if edit.start < at:
            continue
        parts += [data[at : edit.start], edit.text.encode()]
        at = edit.end
    return b"".join([*parts, data[at:]])
