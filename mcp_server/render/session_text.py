"""Calls of the application's functions as text."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.isolation_report import functions_called
from mcp_server.model.session_attack import Called, SessionAttack

SHOWN = 6


def render_calls(attack: SessionAttack, *, whole: bool) -> Iterator[str]:
    """What was called, and what was not, with the reason; each function in the whole report."""
    yield f"Functions: {functions_called(attack)}. On a copy of {attack.subject}, by {attack.interpreter}, rolled back."
    yield from attack.notes
    if whole:
        yield from (f"  {one.outcome:8} {_line(one)}" for one in attack.called)
        return
    untried = [one for one in attack.called if one.outcome == "untried"]
    yield from (f"Not tried: {_line(one)}" for one in untried[:SHOWN])
    if len(untried) > SHOWN:
        yield f"... and {len(untried) - SHOWN} more functions that could not be tried"


def render_guarded(attack: SessionAttack) -> Iterator[str]:
    """What the same calls came to with the policies."""
    yield f"With the policies {functions_called(attack)}."
    through = [one for one in attack.called if one.outcome == "through"]
    yield from (f"  still open: {_line(one)}" for one in through[:SHOWN])


def _line(one: Called) -> str:
    return f"{one.function.name} ({one.function.place}){f': {one.detail}' if one.detail else ''}"
