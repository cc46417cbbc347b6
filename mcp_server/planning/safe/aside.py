"""What stands on a column and can be dropped and made again in a moment, so that the column can change under it."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.schema import Function, Grant, Policy, RewriteRule, Statistics, Trigger, View
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.units import Key

_QUICK = (Policy, RewriteRule, Statistics, Trigger, Grant, Function)


def aside(seeds: Iterable[Key], old: Dependencies, new: Dependencies) -> frozenset[Key] | None:
    """The units and all that stands on them; None when one of them cannot step aside: a materialised view, a column."""
    found: set[Key] = set()
    waiting = list(seeds)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if not _can(name, old, new):
            return None
        found.add(name)
        waiting += old.users(name) | new.users(name)
    return frozenset(found)


def _can(name: Key, old: Dependencies, new: Dependencies) -> bool:
    """Whether a unit stands before and after, rests on nothing that comes or goes, and is made without reading rows."""
    before, after = old.units.get(name), new.units.get(name)
    if before is None or after is None or getattr(before, "inherited", False):
        return False
    if not old.of(name) <= new.units.keys() or not new.of(name) <= old.units.keys():
        return False
    if isinstance(before, View) and isinstance(after, View):
        return not before.materialized and not after.materialized
    return isinstance(before, _QUICK)
