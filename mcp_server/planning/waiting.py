"""Which parts of changes wait for which: none may come before what it stands on, or after what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mcp_server.model.change import Added, Altered, Change, Dropped
from mcp_server.model.names import quote
from mcp_server.model.schema import Column, Constraint, Function, Index, SchemaObject, Table, View
from mcp_server.planning.bounds import overlap
from mcp_server.planning.claims import claims
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.draft import Site
from mcp_server.planning.followers import Followers
from mcp_server.planning.partitions import index_of
from mcp_server.planning.parts import CONTRACT, EXPAND, INSIDE, LOOSEN, ONLINE, TIGHTEN, Part, is_shaking
from mcp_server.planning.recipes import RECIPES
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.units import Key, Ownership, Unit, key, units


def parted(parts: list[Part], ground: Ground, followers: Followers) -> list[Part]:
    """What stands on something shaken is dropped before and made after, each at its stage; the keys' users likewise."""
    old, new = followers.old, followers.new
    shaken = {key(one.change.item) for one in parts if is_shaking(one.change, ground)}
    shaken |= {name for name in followers.leaders if not shaken.isdisjoint(followers.leads(name))}
    by_key = {key(one.change.item): one for one in parts}
    split: set[Key] = set()
    waiting = [user for name in shaken for user in _standing_on(name, old)]
    while waiting:
        name = waiting.pop()
        before, after = old.units.get(name), new.units.get(name)
        part = by_key.get(name)
        if name in split or not isinstance(before, Index | Constraint) or getattr(before, "inherited", False):
            continue
        if part is None and not (isinstance(before, Constraint) and before.kind == "f" and split & old.of(name)):
            continue  # Postgres itself carries along what stays as it is
        split.add(name)
        if isinstance(before, Constraint) and before.kind in "pu" and after is not None:
            waiting += [user for user in old.users(name) if user[0] == Constraint.word]
    kept = [one for one in parts if key(one.change.item) not in split]
    return kept + [part for name in sorted(split) for part in _halves(old.units[name], new.units.get(name), ground)]


def _standing_on(name: Key, old: Dependencies) -> Iterator[Key]:
    """The constraints and indexes on a shaken column, or on columns of a shaken type."""
    for user in sorted(old.users(name)):
        yield user
        if user[0] == Column.word:
            yield from sorted(old.users(user))


def _halves(before: SchemaObject, after: SchemaObject | None, ground: Ground) -> Iterator[Part]:
    busy = ground.is_busy(str(getattr(before, "table", "")))
    yield Part(Dropped(before), LOOSEN if busy else EXPAND, online=busy)
    if after is not None:
        yield Part(Added(after), TIGHTEN if busy else CONTRACT, online=busy)


def lifted(parts: list[Part], followers: Followers) -> list[Part]:
    """Each part at the earliest stage of its kind that is not before what it has to wait for."""
    lift = _Lift(parts, followers)
    waiting = True
    while waiting:
        waiting = False
        for count, part in enumerate(lift.parts):
            gone = isinstance(part.change, Dropped)
            others = (lift.parts[other] for other in lift.waits_for(count))
            stage = _next(part, max((one.end if gone else one.stage for one in others), default=0))
            if stage != part.stage:
                lift.parts[count] = replace(part, stage=stage, online=part.online or _proves(part.change))
                waiting = True
    return lift.parts


def _proves(change: Change) -> bool:
    """Whether a table that the plan makes, and that may be in use by now, is read for it."""
    return isinstance(change, Added) and isinstance(change.item, Constraint | Index)


def _next(part: Part, earliest: int) -> int:
    if part.stage >= earliest:
        return part.stage
    return next((one for one in (ONLINE if part.online else INSIDE) if one >= earliest), part.stage)


def _concerned(change: Change) -> Iterator[Unit]:
    """The object and its aspects; not to which column a sequence belongs, where that stays."""
    for unit in units(change.item):
        stays = isinstance(change, Altered) and "owned_by" not in change.fields
        if not (isinstance(unit, Ownership) and stays):
            yield unit


class _Lift:
    """Which parts wait for which."""

    def __init__(self, parts: list[Part], followers: Followers) -> None:
        self.parts = parts
        self._followers, self._new = followers, followers.new
        self._site = Site(followers.old, followers.new, followers.new.schema.server_version)
        self._by_key: dict[Key, list[int]] = {}
        for count, part in enumerate(parts):
            for unit in units(part.change.item):
                self._by_key.setdefault(key(unit), []).append(count)
        self._releases = _by_claim(parts)
        self._leaving = [count for count, part in enumerate(parts) if _is_leaving(part.change)]
        self._giving_way = [count for count, part in enumerate(parts) if self._gives_way(part.change)]
        self._known: dict[int, frozenset[int]] = {}

    def waits_for(self, count: int) -> frozenset[int]:
        """The parts that a part may not precede."""
        found = self._known.get(count)
        if found is None:
            found = self._known[count] = frozenset(self._waits_for(self.parts[count])) - {count}
        return found

    def _waits_for(self, part: Part) -> Iterator[int]:
        change = part.change
        for unit in _concerned(change):
            name = key(unit)
            if isinstance(change, Dropped):
                yield from self._goes_with(unit)
                for user in self._followers.users(name):
                    yield from self._until_free(user)
                continue
            for used in self._new.of(name):
                yield from (one for one in self._parts_of(used) if self._makes(one))
        if isinstance(change, Added):
            yield from (one for claim in claims(change.item) for one in self._releases.get(claim, ()))
            yield from self._carrier(change, self._new)
        elif isinstance(change, Dropped):
            yield from self._carrier(change, self._followers.old)
        elif isinstance(change, Altered):
            yield from self._own_needs(part, change)
            yield from self._let_go(change)
        yield from self._partitions(change)

    def _let_go(self, change: Altered) -> Iterator[int]:
        """What stood on a view or function and goes or changes, too: it could not be put back on the new form, or made on it again."""
        before, after, fields = change.before, change.after, change.fields
        if not isinstance(after, View | Function):
            return
        if "volatility" in fields or RECIPES[type(after)].replaces(before, after, fields, self._site):
            for user in self._followers.users(key(after)):
                yield from self._until_free(user)

    def _carrier(self, change: Added | Dropped, deps: Dependencies) -> Iterator[int]:
        """The parts of a key's index, and those of an index's key: both come and go at one stage."""
        item, opposite = change.item, Dropped if isinstance(change, Added) else Added
        name: Key | None = None
        if isinstance(item, Constraint) and (index := index_of(item, deps.schema)):
            name = key(index)
        elif isinstance(item, Index) and item.constraint:
            name = (Constraint.word, f"{item.table}.{quote(item.constraint)}")
        for one in self._parts_of(name) if name else ():
            if not isinstance(self.parts[one].change, opposite):
                yield one

    def _until_free(self, user: Key) -> Iterator[int]:
        """The parts after which nothing of a unit stands on what it stood on; what is made again is made on something else."""
        own = [one for one in self._parts_of(user) if not isinstance(self.parts[one].change, Added)]
        yield from own
        if user[0] == Constraint.word and not any(isinstance(self.parts[one].change, Dropped) for one in own):
            keys = self._new.of(user)  # a foreign key that stays rests on another key from then on
            yield from (one for other in keys for one in self._parts_of(other) if self._makes(one))

    def _partitions(self, change: Change) -> Iterator[int]:
        """A new partition comes when those are gone whose rows it takes, and when its parent's indexes are gone or made anew. These
        are made when all partitions have gone that leave: each that stands then needs a part of the index to be attached."""
        item = change.item
        if isinstance(item, Table) and item.partition_of and not isinstance(change, Dropped):
            yield from (one for one in self._leaving if overlap(item, self._table(one)))
            yield from (one for one in self._giving_way if self._on(one) == item.partition_of)
        elif isinstance(item, Index) and not item.parent and (isinstance(change, Added) or _is_made_anew(change)):
            yield from (one for one in self._leaving if self._table(one).partition_of == item.table)

    def _table(self, count: int) -> Table:
        item = self.parts[count].change.item
        assert isinstance(item, Table)
        return item

    def _on(self, count: int) -> str:
        return str(getattr(self.parts[count].change.item, "table", ""))

    def _gives_way(self, change: Change) -> bool:
        """Whether an index ends as it was."""
        if not isinstance(change.item, Index) or change.item.parent or change.item.constraint:
            return False
        again = isinstance(change, Added) and key(change.item) in self._followers.old.units
        return again or isinstance(change, Dropped) or _is_made_anew(change)

    def _parts_of(self, name: Key) -> Iterator[int]:
        """The parts of a unit and of all that it follows."""
        for lead in self._followers.leads(name):
            yield from self._by_key.get(lead, ())

    def _goes_with(self, unit: Unit) -> Iterator[int]:
        """A partition's part of an index goes with the parent's, where the partition stays."""
        if isinstance(unit, Index) and unit.parent and self._new.units.get((Table.word, unit.table)) is not None:
            for other in self._by_key.get((Index.word, unit.parent), ()):
                if isinstance(self.parts[other].change, Dropped):
                    yield other

    def _makes(self, count: int) -> bool:
        part = self.parts[count]
        return part.is_shape and not isinstance(part.change, Dropped)

    def _own_needs(self, part: Part, change: Altered) -> Iterator[int]:
        """An object that is made in parts is made first; a key holds its columns NOT NULL while it stands."""
        for other in self._by_key.get(key(change.item), ()):
            if isinstance(self.parts[other].change, Added):
                yield other
        if isinstance(change.item, Column) and change.fields == ("nullable",) and change.item.nullable:
            for other, one in enumerate(self.parts):
                item = one.change.item
                if not isinstance(item, Constraint) or item.kind != "p" or item.table != change.item.table:
                    continue
                if change.item.name in item.columns and not isinstance(one.change, Added):
                    yield other
        if isinstance(change.item, Table) and "replica_identity" in change.fields:
            for other, one in enumerate(self.parts):
                if isinstance(one.change.item, Index) and one.change.item.table == change.item.identity:
                    yield other


def _is_leaving(change: Change) -> bool:
    """Whether a partition is dropped."""
    return isinstance(change, Dropped) and isinstance(change.item, Table) and bool(change.item.partition_of)


def _is_made_anew(change: Change) -> bool:
    """Whether an index becomes another one under its name."""
    return isinstance(change, Altered) and "definition" in change.fields


def _by_claim(parts: list[Part]) -> Mapping[tuple[str, str], list[int]]:
    """The parts that give up a name, by the name."""
    found: dict[tuple[str, str], list[int]] = {}
    for count, part in enumerate(parts):
        if isinstance(part.change, Dropped):
            for claim in claims(part.change.item):
                found.setdefault(claim, []).append(count)
    return found
