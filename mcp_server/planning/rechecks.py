"""Checks on columns whose type changes at once: Postgres would read every row to hold it to them, and nobody could write.

They are made NOT VALID in the moment in which the type changes, so that new rows are held to them all along, and proven
while rows are written. Source: ATPostAlterTypeCleanup() in src/backend/commands/tablecmds.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mcp_server.model.change import Altered, Dropped
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint
from mcp_server.planning.draft import differing
from mcp_server.planning.parts import EXPAND, TIGHTEN, Part, is_shaking
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.units import key


def proven_later(parts: Iterable[Part], ground: Ground) -> Iterator[Part]:
    """The parts, with those of checks taken in two: NOT VALID with the type, and proven, or another check, afterwards."""
    listed = tuple(parts)
    gone = {key(part.change.item) for part in listed if isinstance(part.change, Dropped)}
    checks = {key(one): one for one in _checks(listed, ground) if key(one) not in gone}
    yield from (part for part in listed if key(part.change.item) not in checks or part.stage == EXPAND)
    for check in checks.values():
        yield from _in_two(check, ground)


def _checks(parts: tuple[Part, ...], ground: Ground) -> Iterator[Constraint]:
    """The checks that would be proven for another type; not those of columns whose rows are written anew, which are made anew, too."""
    shaken = {part.change.item.identity for part in parts if is_shaking(part.change, ground)}
    for part in parts:
        table = _retyped_table(part)
        if not table or not ground.is_busy(table) or ground.has_children(table):
            continue
        for one in ground.before.on(table, Constraint):
            columns = {f"{table}.{quote(name)}" for name in one.columns}
            if one.kind == "c" and part.change.item.identity in columns and not columns & shaken:
                yield from [one] if one.validated and not one.inherited else []


def _retyped_table(part: Part) -> str:
    change = part.change
    retyped = isinstance(change, Altered) and isinstance(change.item, Column) and "type" in change.fields
    return change.item.table if retyped and part.stage == EXPAND else ""  # type: ignore[attr-defined]


def _in_two(check: Constraint, ground: Ground) -> Iterator[Part]:
    after = ground.after.get(Constraint, check.identity)
    assert after is not None
    loose = replace(check, validated=False, definition=f"{check.definition} NOT VALID")
    yield Part(Altered(check, loose, ("validated", "definition")), EXPAND)
    yield Part(Altered(loose, after, differing(loose, after)), TIGHTEN, online=True)
