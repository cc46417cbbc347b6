"""Nothing is dropped in silence: each change is settled by a step, or named as residue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Altered, Changes, Dropped
from mcp_server.model.plan import Residue, Step
from mcp_server.model.schema import SchemaObject, Table
from mcp_server.planning.draft import Site
from mcp_server.planning.units import Attachment, Key, is_inherited, key

_ALL = "*"
_FROM_PARENT = frozenset({"inherited", "parent", "definition"})


def settled(
    changes: Changes, steps: tuple[Step, ...], refused: tuple[Residue, ...], site: Site
) -> tuple[tuple[Step, ...], tuple[Residue, ...]]:
    """The steps, with what a parent's statement brings along among their parts, and what nothing settles."""
    done, places = _done(steps), _places(steps)
    listed = list(steps)
    residues = list(refused)
    named = {(key(one.change.item), field) for one in refused for field in _fields(one)}
    for change in changes:
        left = [field for field in _wanted(change) if field not in done.get(key(change.item), ())]
        if not left or _ALL in done.get(key(change.item), ()) or (key(change.item), _ALL) in named:
            continue
        left = [field for field in left if (key(change.item), field) not in named]
        place = _brought_along(change, steps, places, site) if left else None
        if place is not None:
            listed[place] = replace(listed[place], parts=(*listed[place].parts, change.item))
        elif left:
            partial = Altered(change.before, change.after, tuple(left)) if isinstance(change, Altered) else change
            residues.append(Residue(partial, "there is no statement for this"))
    return tuple(listed), tuple(residues)


def _fields(residue: Residue) -> tuple[str, ...]:
    return (residue.change.fields or (_ALL,)) if isinstance(residue.change, Altered) else (_ALL,)


def _wanted(change: object) -> tuple[str, ...]:
    return change.fields if isinstance(change, Altered) else (_ALL,)


def _done(steps: tuple[Step, ...]) -> dict[Key, set[str]]:
    """The fields of each object that steps settle; "*" for an object that is made or dropped."""
    done: dict[Key, set[str]] = {}
    for step in steps:
        done.setdefault(key(step.change.item), set()).update(step.fields or (_ALL,))
        for part in step.parts:
            done.setdefault(key(part), set()).add(_ALL)
    return done


def _brought_along(change: object, steps: tuple[Step, ...], places: dict[Key, list[int]], site: Site) -> int | None:
    """The place of the step on a parent, or of an attachment, that brings a change along."""
    assert isinstance(change, Added | Dropped | Altered)
    items = (change.before, change.after) if isinstance(change, Altered) else (change.item,)
    if not any(is_inherited(item) for item in items):
        return None
    for wanted in _bringers(items, site):
        for place in sorted(place for name in wanted for place in places.get(name, ())):
            if _says_it(steps[place], change):
                return place
    return None


def _places(steps: tuple[Step, ...]) -> dict[Key, list[int]]:
    """The places of the steps that make, drop or alter each object."""
    places: dict[Key, list[int]] = {}
    for place, step in enumerate(steps):
        for item in (step.change.item, *step.parts):
            places.setdefault(key(item), []).append(place)
    return places


def _bringers(items: tuple[SchemaObject, ...], site: Site) -> Iterator[frozenset[Key]]:
    """The units whose steps may bring an object along: its own table first, then what it has from its parents, and from theirs."""
    yield frozenset((Table.word, getattr(item, "table", "")) for item in items)
    found: set[Key] = set()
    waiting = [key(item) for item in items]
    while waiting:
        name = waiting.pop()
        above = {*site.old.bringers(name), *site.new.bringers(name)} - found
        found |= above
        waiting += above
    yield frozenset(found)


def _says_it(step: Step, change: object) -> bool:
    """True when a step on a parent does to the child what the change asks for."""
    other = step.change
    if isinstance(other, Altered) and isinstance(other.item, Table):
        return bool({*Attachment.fields, "inherits"} & set(step.fields))
    if isinstance(change, Altered):
        if not isinstance(other, Altered):
            return not step.fields
        return all(
            field in _FROM_PARENT or getattr(other.after, field, None) == getattr(change.after, field)
            for field in change.fields
        )
    return not step.fields and isinstance(other, type(change) | Altered)
