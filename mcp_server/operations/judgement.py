"""Whether a rehearsal ended where it should: an empty difference after each walk, but for what was named as residue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from mcp_server.model.change import Altered, Change, describe
from mcp_server.model.migration import Draft
from mcp_server.model.schema import Schema, View
from mcp_server.operations.equality import differences
from mcp_server.planning.units import Key, key
from mcp_server.world.rehearsal import Rehearsal

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace


async def faults(workspace: Workspace, rehearsal: Rehearsal, draft: Draft, version_table: str) -> tuple[str, ...]:
    """What went wrong, one line each; () when the revision does what it should, both ways.

    After an upgrade the goal must be there; after a downgrade all that was there at the start.
    """
    found: list[str] = []
    named = {key(one.change.item) for one in draft.plan.residue}
    for number, stage in enumerate(rehearsal.stages):
        name = "the second upgrade" if number == 2 else f"the {stage.command}"
        if stage.schema is None:
            found.append(f"{name} failed: {stage.failure}")
        elif stage.command == "upgrade":
            found += _vanished(name, rehearsal.start, stage.schema, draft)
            seen = stage.schema.without(*draft.aside)
            changes = await differences(workspace, draft.after.without(*draft.aside), seen)
            found += _told(name, (one for one in changes if not _follows(one)), named)
        else:
            seen, start = (one.without(version_table) for one in (stage.schema, rehearsal.start))
            found += _told(name, await differences(workspace, start, seen), named)
    return tuple(dict.fromkeys(found))


def _follows(change: Change) -> bool:
    """Whether a view that was kept only shows the new type of a column that it selects."""
    if not isinstance(change, Altered) or change.fields != ("columns",) or not isinstance(change.before, View):
        return False
    before, after = (
        tuple(replace(one, type="") for one in view.columns) for view in (change.before, cast(View, change.after))
    )
    return before == after


def _told(name: str, changes: Iterable[Change], named: set[Key]) -> Iterator[str]:
    for change in changes:
        if key(change.item) not in named:
            yield f"after {name} it should not differ: {describe(change)}"


def _vanished(name: str, start: Schema, seen: Schema, draft: Draft) -> Iterator[str]:
    """What is compared by nobody must at least still be there."""
    for relation in draft.aside:
        if start.group(relation) and not seen.group(relation):
            yield f"{name} took {relation} away, which it should not touch"
