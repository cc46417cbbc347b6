"""What differs between two Schemas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mcp_server.model.schema import KINDS, Schema, SchemaObject, compared_fields


@dataclass(frozen=True, slots=True)
class Added:
    """An object that only the second Schema has."""

    item: SchemaObject


@dataclass(frozen=True, slots=True)
class Dropped:
    """An object that only the first Schema has."""

    item: SchemaObject


@dataclass(frozen=True, slots=True)
class Altered:
    """An object of the same key with other values. fields: the names of those that differ."""

    before: SchemaObject
    after: SchemaObject
    fields: tuple[str, ...]

    @property
    def item(self) -> SchemaObject:
        return self.after


@dataclass(frozen=True, slots=True)
class Renamed:
    """An object that keeps its substance under a new name; only when the caller said so."""

    before: SchemaObject
    item: SchemaObject


Change = Added | Dropped | Altered | Renamed
Changes = tuple[Change, ...]

_RANK = {kind.word: rank for rank, kind in enumerate(KINDS)}


def diff(before: Schema, after: Schema) -> Changes:
    """Every change that leads from one Schema to the other, by kind and name. () for equal Schemas."""
    groups = differing(before, after)
    old, new = keyed(before, groups), keyed(after, groups)
    changes: list[Change] = []
    unequal = [key for key in old.keys() | new.keys() if old.get(key) != new.get(key)]
    for key in sorted(unequal, key=lambda key: (_RANK[key[0]], key[1])):
        if key not in old:
            changes.append(Added(new[key]))
        elif key not in new:
            changes.append(Dropped(old[key]))
        else:
            changes.append(_altered(old[key], new[key]))
    return tuple(changes)


def differing(before: Schema, after: Schema) -> tuple[str, ...]:
    """The keys of the groups that are not equal in both. What changes, changes in these: an object that moves leaves one for another."""
    names = dict.fromkeys((*before.groups, *after.groups))
    return tuple(name for name in names if before.group(name) != after.group(name))


def keyed(schema: Schema, groups: Iterable[str]) -> dict[tuple[str, str], SchemaObject]:
    """The objects of some groups by (word, identity)."""
    return {(item.word, item.identity): item for name in groups for item in schema.group(name)}


def sides(change: Change) -> tuple[SchemaObject, ...]:
    """An object as it was and as it will be; the one of them that there is where it comes or goes."""
    return (change.before, change.item) if isinstance(change, Altered | Renamed) else (change.item,)


def _altered(before: SchemaObject, after: SchemaObject) -> Altered:
    names = compared_fields(type(after))
    return Altered(before, after, tuple(name for name in names if getattr(before, name) != getattr(after, name)))


def describe(change: Change) -> str:
    """One line on a change, for people: `add column public.task.due (date)`."""
    item = change.item
    match change:
        case Added():
            return f"add {item.word} {item.identity}"
        case Dropped():
            return f"drop {item.word} {item.identity}"
        case Renamed(before=before):
            return f"rename {item.word} {before.identity} to {item.identity}"
        case Altered(before=before, fields=names):
            values = (f"{name}: {getattr(before, name)!r} -> {getattr(item, name)!r}" for name in names)
            return f"alter {item.word} {item.identity} ({'; '.join(values)})"
