"""Safe forms: what a step becomes on a table that others read and write, one file a form.

Each form takes a step and yields statements that run outside of any transaction, one after the other, each of which may
be repeated; it yields nothing for steps that are not its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Dropped
from mcp_server.model.names import quote
from mcp_server.model.plan import Step
from mcp_server.model.schema import Constraint, Index
from mcp_server.planning.draft import ACCESS_EXCLUSIVE
from mcp_server.planning.safe import check, constraint_drop, index, not_null, partitioned, partitions, unique
from mcp_server.planning.safe.ground import Ground, piece
from mcp_server.planning.units import Key, key

Form = Callable[[Step, Ground], Iterator[Step]]
FORMS: tuple[Form, ...] = (
    partitions.form,
    index.form,
    partitioned.form,
    partitioned.loosened,
    check.form,
    not_null.form,
    unique.form,
    constraint_drop.form,
)


def online(steps: tuple[Step, ...], ground: Ground) -> Iterator[Step]:
    """The steps in their safe forms. What has none is over at once and may be repeated as it is."""
    gone = _replaced(steps, ground)
    yield from _in_the_way(steps)
    parents = {step.change.item.identity for step in steps if isinstance(step.change, Added)}
    for step in steps:
        name = key(step.change.item)
        if (name in gone and step is gone[name]) or getattr(step.change.item, "parent", "") in parents:
            continue  # what hangs on a partitioned index is built by the form of that one
        if name in gone and isinstance(step.change, Added) and not step.fields:
            yield from _swap(gone[name], step, ground)
        else:
            yield from _form(step, ground)


def _form(step: Step, ground: Ground) -> Iterator[Step]:
    for form in FORMS:
        pieces = tuple(form(step, ground))
        if pieces:
            yield from pieces
            return
    yield replace(step, transactional=False)


def _in_the_way(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Foreign keys to a key that is made by the same run: when the run is repeated, the key can be made again only without."""
    made = {getattr(step.change.item, "table", "") for step in steps if _is_key(step, Added)}
    for step in steps:
        item = step.change.item
        if (
            isinstance(item, Constraint)
            and isinstance(step.change, Added)
            and not step.fields
            and item.references in made
        ):
            sql = f"ALTER TABLE {item.table} DROP CONSTRAINT IF EXISTS {quote(item.name)}"
            yield piece(step, sql, ACCESS_EXCLUSIVE, "a run that was cut off may have come as far as that")


def _is_key(step: Step, change: type[Added] | type[Dropped]) -> bool:
    """Whether a step makes, or drops, what foreign keys may rest on."""
    item = step.change.item
    unique_one = (isinstance(item, Constraint) and item.kind in "pu") or (isinstance(item, Index) and item.unique)
    return isinstance(step.change, change) and not step.fields and unique_one


def _replaced(steps: tuple[Step, ...], ground: Ground) -> dict[Key, Step]:
    """The drops of what is made again under the same name, where the new can be built beside the old."""
    made = {key(step.change.item): step for step in steps if isinstance(step.change, Added) and not step.fields}
    keyless = {getattr(step.change.item, "table", "") for step in steps if _is_key(step, Dropped)}
    found: dict[Key, Step] = {}
    for step in steps:
        item = step.change.item
        name = key(item)
        stands = not isinstance(item, Constraint) or item.references not in keyless  # else it goes before the key does
        if isinstance(step.change, Dropped) and not step.fields and name in made and stands:
            found.update({name: step} if _can_swap(made[name], ground) else {})
    return found


def _can_swap(step: Step, ground: Ground) -> bool:
    item = step.change.item
    if isinstance(item, Index):
        return step.sql.startswith("CREATE ") and not ground.is_partitioned(item.table) and not item.parent
    if not isinstance(item, Constraint):
        return False
    return item.kind in "cf" or (unique.has_form(item, ground) and unique.index_of(item, ground) is not None)


def _swap(gone: Step, made: Step, ground: Ground) -> Iterator[Step]:
    item = made.change.item
    if isinstance(item, Index):
        yield from index.swap(gone, made)
    elif isinstance(item, Constraint) and item.kind in "pu":
        yield from unique.swap(gone, made, ground)
    else:
        yield from check.form(made, ground)  # it drops and adds in one statement
