"""What the application has to do between two phases, in words."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.change import Added, Altered, Dropped
from mcp_server.model.schema import Column, Function, Table, View
from mcp_server.planning.parts import Part

SHOWN = 6
LATER = "deploy the application"


def deployment(done: tuple[Part, ...], following: tuple[Part, ...], later: tuple[Part, ...]) -> str:
    """What has to be deployed before the next phase, "" when nothing depends on it.

    done: what has just happened. following: what the next phase does; later: what all the next ones do.
    """
    if not later:
        return ""
    written = _listed(_tightened(later))
    gone = _listed(_dropped(following))
    words = []
    if written and any(isinstance(part.change, Added) for part in done):
        words.append(f"{LATER} that writes a value to {written} in every row")
    elif written and _tightened(following):
        words.append(f"see that every application writes a value to {written}")
    if gone:
        words.append(f"{LATER} that no longer uses {gone}, and wait until no older one runs")
    return "; ".join(words)


def _tightened(parts: Iterable[Part]) -> list[str]:
    """The columns that must not be NULL afterwards, and that only the application fills."""
    return [
        part.change.item.identity
        for part in parts
        if isinstance(part.change, Altered)
        and isinstance(part.change.item, Column)
        and part.change.fields == ("nullable",)
        and not part.change.item.nullable
        and part.change.item.default is None
        and not part.change.item.identity_kind
    ]


def _dropped(parts: Iterable[Part]) -> list[str]:
    """What an application may still be using."""
    items = [part.change.item for part in parts if isinstance(part.change, Dropped)]
    tables = {item.identity for item in items if isinstance(item, Table)}
    return [
        item.identity
        for item in items
        if isinstance(item, Table | View | Function) or (isinstance(item, Column) and item.table not in tables)
    ]


def _listed(names: list[str]) -> str:
    names = list(dict.fromkeys(names))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
