"""What a parent hands down to its partitions and children changes when the parent's does: by its statement, in its phase."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.model.change import Altered, Change
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint, Index, Schema, SchemaObject, Table, Trigger
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.units import Key, Unit, is_inherited, key

_SHARED: dict[type, tuple[str, ...]] = {
    Column: ("type", "collation", "nullable", "default", "generated", "stored", "identity_kind", "identity_options"),
    Constraint: ("validated", "enforced", "definition", "deferrable", "deferred"),
}


@dataclass(frozen=True, slots=True)
class Followers:
    """The units of partitions and children that stand exactly while something of their parent stands.

    leaders: what makes each of them, in an order in which leaders come first. fields: those in which it is as its leader.
    """

    old: Dependencies
    new: Dependencies
    leaders: Mapping[Key, Key]
    fields: Mapping[Key, tuple[str, ...]]

    def without(self, changes: Iterable[Change]) -> Iterator[Change]:
        """The changes that do not come with those of leaders."""
        for change in changes:
            name = key(change.item)
            if name not in self.leaders:
                yield change
            elif isinstance(change, Altered):
                rest = tuple(field for field in change.fields if field not in self.fields[name])
                yield from (replace(change, fields=rest),) if rest else ()

    def leads(self, name: Key) -> Iterator[Key]:
        """A unit, and all that it follows."""
        yield name
        while name in self.leaders:
            name = self.leaders[name]
            yield name

    def users(self, name: Key) -> frozenset[Key]:
        """What stands on a unit, or on what goes along with it, in the Schema before."""
        return frozenset(self._users(name, name))

    def _users(self, name: Key, origin: Key) -> Iterator[Key]:
        for user in self.old.users(name):
            table = (Table.word, str(getattr(self.old.units[user], "table", "")))
            if user in self.leaders and not {name, origin}.isdisjoint((table, *self.leads(self.leaders[user]))):
                yield from self._users(user, origin)
            else:
                yield user

    def follow(self, schema: Schema) -> Schema:
        """The Schema with each follower as its leader is by now."""
        objects = schema.by_key()
        for name, leader in self.leaders.items():
            lead = objects.get(leader)
            item = objects.pop(name, None) or self._remembered(name, leader, lead)
            if (
                lead is not None
                and item is not None
                and _gives(lead, item)
                and (Table.word, str(getattr(item, "table", ""))) in objects
            ):
                values: dict[str, Any] = {field: getattr(lead, field) for field in self.fields[name]}
                objects[name] = replace(item, **values)  # type: ignore[type-var]
        return Schema.of(objects.values(), schema.server_version)

    def _remembered(self, name: Key, leader: Key, lead: SchemaObject | None) -> SchemaObject | None:
        """A follower that does not stand now, as it is beside a leader like this. A new partition's part of an index that will be
        another one has another name as yet."""
        before, after = self.old.units.get(name), self.new.units.get(name)
        if before is None and isinstance(lead, Index) and lead != self.new.units.get(leader):
            return None
        found = before if after is None or (before and lead == self.old.units.get(leader)) else after
        assert isinstance(found, Column | Constraint | Index | Trigger)
        return found


def find_followers(old: Dependencies, new: Dependencies) -> Followers:
    """The units that follow from one Schema to another; none of a table that changes its parents."""
    leaders: dict[Key, Key] = {}
    units = {**old.units, **new.units}
    for name, unit in units.items():
        if is_inherited(unit) and _keeps_parents(getattr(unit, "table", ""), old.schema, new.schema):
            candidates = (one for deps in (new, old) for one in _makers(name, deps))
            leader = next((one for one in candidates if _is_led(unit, one, old) and _is_led(unit, one, new)), None)
            leaders.update({name: leader} if leader else {})
    ordered = dict(sorted(leaders.items(), key=lambda pair: _depth(pair[0], leaders)))
    return Followers(old, new, ordered, {name: _fields(name, ordered[name], (old, new)) for name in ordered})


def _keeps_parents(table: str, before: Schema, after: Schema) -> bool:
    old, new = before.get(Table, table), after.get(Table, table)
    same = old and new and (old.partition_of, old.inherits) == (new.partition_of, new.inherits)
    return bool(same) or (old is None) != (new is None)


def _makers(name: Key, deps: Dependencies) -> Iterator[Key]:
    """What a parent has that may make a unit; a NOT NULL of a usual name comes with the parent's column."""
    unit = deps.units.get(name)
    if isinstance(unit, Constraint) and unit.kind == "n":
        yield from deps.bringers((Column.word, f"{unit.table}.{quote(unit.columns[0])}"))
    else:
        yield from deps.bringers(name)


def _is_led(unit: Unit, leader: Key, deps: Dependencies) -> bool:
    """Whether a unit stands in a Schema when its leader and its own table do, and only then."""
    lead, standing = deps.units.get(leader), deps.units.get(key(unit))
    brought = lead is not None and _gives(lead, unit) and (Table.word, str(getattr(unit, "table", ""))) in deps.units
    return brought == (standing is not None) and (standing is None or is_inherited(standing))


def _gives(lead: Unit, unit: Unit) -> bool:
    """Whether a leader makes a follower as it is now: a column makes a NOT NULL only while it is NOT NULL."""
    return not (isinstance(unit, Constraint) and isinstance(lead, Column)) or not lead.nullable


def _depth(name: Key, leaders: Mapping[Key, Key]) -> int:
    depth = 0
    while name in leaders and depth < len(leaders):
        name, depth = leaders[name], depth + 1
    return depth


def _fields(name: Key, leader: Key, both: tuple[Dependencies, ...]) -> tuple[str, ...]:
    """The fields in which a follower is as its leader wherever they stand."""
    pairs = [(deps.units[name], deps.units[leader]) for deps in both if name in deps.units]
    if any(type(unit) is not type(lead) for unit, lead in pairs):
        return ()
    shared = _SHARED.get(type(pairs[0][0]), ())
    return tuple(one for one in shared if all(getattr(unit, one) == getattr(lead, one) for unit, lead in pairs))
