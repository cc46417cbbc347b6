"""What the rules on called functions share: a call in words."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.finding import Severity
from mcp_server.model.session_attack import Called, SessionAttack

BECAME = {
    "changed": "changed",
    "removed": "removed",
    "added": "added",
    "taken": "taken",
}


def open_functions(attack: SessionAttack) -> Iterator[Called]:
    """The functions that something got through."""
    return (one for one in attack.called if one.outcome == "through")


def gravity(one: Called) -> Severity:
    """A function that is told no user leaves it to its callers, which are judged by themselves."""
    return "error" if one.knows_user or one.function.is_route else "warning"


def handed(one: Called) -> str:
    """What it was handed of the other's."""
    return f" with {one.about}" if one.about else ""


def named(tables: tuple[str, ...]) -> str:
    """Which tables, where that is known."""
    return ", ".join(name for name in tables if name)


def became(one: Called) -> str:
    """What became of which tables' rows."""
    return ", ".join(f"{table} {what}" for table, what in one.changes)


def observed(attack: SessionAttack, one: Called) -> str:
    """How it was seen, and what that does not say."""
    who = "" if one.knows_user or one.function.is_route else "; it takes no user, so its callers must compare the owner"
    return f"observed on a copy of {attack.subject}, rolled back{who}"
