"""When each part of each change happens: which hop of the way from one Schema to the other it belongs to.

A hop is either online (statements outside of any transaction) or a transaction. Their order is that of a deployment:
what is loosened or added before the new application runs, what is tightened or taken away after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mcp_server.model.change import Added, Altered, Change, Changes, Dropped
from mcp_server.model.schema import (
    Column,
    Constraint,
    Domain,
    Enum,
    Function,
    Index,
    Namespace,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    View,
    compared_fields,
    group_of,
)
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.safe import quick, retype
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.safe.retype import Retype
from mcp_server.planning.units import Key, key, units
from mcp_server.planning.work import TYPES, claims

LOOSEN, EXPAND, SETTLE, BACKFILL, TIGHTEN, CONTRACT, LATE, LAST = 10, 20, 21, 30, 40, 50, 60, 70
_ONLINE = (LOOSEN, TIGHTEN, LATE, 80)
_INSIDE = (EXPAND, CONTRACT, LAST, 90)
_COLUMN_SHAPE = frozenset({"type", "collation", "generated", "stored"})
_CARRIED = frozenset({"type", "collation", "default", "comment", "nullable"})
_GONE_LAST = (Table, Column, View, Function, Sequence, Namespace, *TYPES)


@dataclass(frozen=True, slots=True)
class Part:
    """A change, or some fields of an Altered, and the stage at which it happens. online: outside of a transaction."""

    change: Change
    stage: int
    online: bool = False
    retype: Retype | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a form of its own carries it out, over several hops."""
        return self.retype is not None

    @property
    def is_shape(self) -> bool:
        """Whether others can stand on the object only after it: it is made, or becomes what they need."""
        return (
            not isinstance(self.change, Altered)
            or isinstance(self.change.item, TYPES)
            or bool(_COLUMN_SHAPE & set(self.change.fields))
        )


def staged(changes: Changes, ground: Ground) -> tuple[Part, ...]:
    """The parts of all changes, none before what it stands on and none after what stands in its way."""
    gone = {one.item.identity for one in changes if isinstance(one, Dropped) and isinstance(one.item, Table)}
    parts = [part for change in changes for part in _parts(change, ground, gone)]
    old, new = Dependencies(ground.before), Dependencies(ground.after)
    parts = [_retyped(part, ground, old, new) for part in parts]
    by_hand = {key(part.change.item) for part in parts if part.by_hand}
    parts = [part for part in parts if part.by_hand or key(part.change.item) not in by_hand]
    return tuple(_lifted(parted(parts, ground, old, new), old, new))


def _retyped(part: Part, ground: Ground, old: Dependencies, new: Dependencies) -> Part:
    """A type that would have the table written anew, by a second column where that can be done."""
    change = part.change
    if part.stage != CONTRACT or not isinstance(change, Altered) or "type" not in change.fields:
        return part
    fields = tuple(
        name for name in compared_fields(Column) if getattr(change.before, name) != getattr(change.after, name)
    )
    whole = replace(change, fields=fields)
    found = retype.find(whole, ground, old, new) if set(fields) <= _CARRIED else None
    return replace(part, change=whole, retype=found) if found else part


def _parts(change: Change, ground: Ground, gone: set[str]) -> Iterator[Part]:
    item = change.item
    if isinstance(change, Dropped) and (group_of(item) in gone or isinstance(item, _GONE_LAST)):
        if isinstance(item, Column) and (part := _loosened(item, ground)):
            yield part
        yield Part(change, CONTRACT)
    elif isinstance(item, Index | Constraint) and ground.is_busy(item.table):
        yield _on_busy_table(change, ground)
    elif isinstance(item, Column) and isinstance(change, Altered):
        yield from _altered_column(change, ground)
    elif isinstance(change, Added) and isinstance(item, Column) and ground.is_busy(item.table):
        yield from _added_column(item, ground)
    elif isinstance(change, Altered) and isinstance(item, TYPES) and is_shaking(change, ground):
        yield Part(change, CONTRACT)
    else:
        yield Part(change, EXPAND)


def _loosened(column: Column, ground: Ground) -> Part | None:
    """A column that goes may hold NULL first, so that an application that no longer knows it can write rows."""
    filled = column.default is not None or column.identity_kind or column.generated is not None
    keys = (one for one in ground.before.on(column.table, Constraint) if one.kind == "p")
    stays = ground.after.get(Table, column.table) is not None
    if not stays or column.nullable or filled or column.inherited or any(column.name in one.columns for one in keys):
        return None
    change = Altered(column, replace(column, nullable=True), ("nullable",))
    busy = ground.is_busy(column.table)
    return Part(change, LOOSEN if busy else EXPAND, online=busy)


def _on_busy_table(change: Change, ground: Ground) -> Part:
    item = _carried(change.item, ground)
    if isinstance(item, Constraint) and _has_no_form(item, ground):
        return Part(change, EXPAND if isinstance(change, Dropped) else CONTRACT)
    if isinstance(change, Altered):
        quickly = {"comment", "deferrable", "deferred", "no_inherit", "statistics", "inherited"}
        if (
            isinstance(item, Constraint)
            and set(change.fields) - {"definition"} <= quickly
            and change.fields != ("definition",)
        ):
            return Part(change, EXPAND)
        if isinstance(item, Index) and set(change.fields) <= {"comment", "clustered"}:
            return Part(change, EXPAND)
        return Part(change, TIGHTEN, online=True)
    guards = isinstance(item, Constraint) or (isinstance(item, Index) and item.unique)
    return Part(change, LOOSEN if isinstance(change, Dropped) and guards else TIGHTEN, online=True)


def _carried(item: SchemaObject, ground: Ground) -> SchemaObject:
    """The constraint that an index carries comes and goes with it."""
    if isinstance(item, Index) and item.constraint:
        for schema in (ground.after, ground.before):
            for one in schema.on(item.table, Constraint):
                if one.name == item.constraint:
                    return one
    return item


def _has_no_form(item: Constraint, ground: Ground) -> bool:
    """EXCLUDE; and on partitioned tables the keys, and foreign keys before PostgreSQL 18."""
    if item.kind == "x" or item.temporal:
        return True
    return ground.is_partitioned(item.table) and (item.kind in "pu" or (item.kind == "f" and not ground.since(18)))


def is_shaking(change: Change, ground: Ground) -> bool:
    """Whether what stands on an object may not fit it any more: its values are written anew, or are fewer."""
    if not isinstance(change, Altered):
        return False
    before, after = change.before, change.after
    if isinstance(before, Column) and isinstance(after, Column):
        shaped = bool(_COLUMN_SHAPE & set(change.fields))
        quickly = "type" not in change.fields or quick.keeps_files(before, after, ground.after, ground.before)
        return shaped and not (quickly and {"generated", "stored"}.isdisjoint(change.fields))
    if isinstance(after, Domain):
        return not {"type", "collation", "constraints", "nullable"}.isdisjoint(change.fields)
    if isinstance(before, Enum) and isinstance(after, Enum):
        return tuple(value for value in after.values if value in before.values) != before.values
    return isinstance(after, TYPES) and not set(change.fields) <= {"comment", "owner"}


def _altered_column(change: Altered, ground: Ground) -> Iterator[Part]:
    before, after = change.before, change.after
    assert isinstance(before, Column)
    assert isinstance(after, Column)
    fields = [name for name in change.fields if name != "nullable"]
    tightens = before.nullable and not after.nullable
    numbered = {"identity_kind", "identity_options"} & set(fields)
    busy = ground.is_busy(after.table) and not after.inherited and not before.inherited
    if "nullable" in change.fields:
        only = replace(change, fields=("nullable",))
        early = not tightens and not numbered and "type" not in fields
        yield Part(only, (LOOSEN if early else TIGHTEN) if busy else EXPAND, online=busy)
    if tightens and numbered and busy:  # an identity column has to be NOT NULL first
        yield Part(replace(change, fields=tuple(sorted(numbered))), CONTRACT)
        fields = [name for name in fields if name not in numbered]
    if fields:
        rest = replace(change, fields=tuple(fields))
        yield Part(rest, CONTRACT if is_shaking(rest, ground) else EXPAND)


def _added_column(column: Column, ground: Ground) -> Iterator[Part]:
    """A column that can be added at once, and what comes to it later."""
    if column.inherited or column.generated is not None or quick.is_constrained(column.type, ground.after):
        yield Part(Added(column), EXPAND)
        return
    if column.identity_kind:
        yield from _in_parts(column, replace(column, identity_kind="", identity_options=""), CONTRACT)
        return
    if quick.is_volatile(column.default, ground.after):
        yield from _in_parts(column, replace(column, default=None), SETTLE)
    elif column.default is None and not column.nullable:
        yield from _in_parts(column, column, EXPAND)
    else:
        yield Part(Added(column), EXPAND)


def _in_parts(column: Column, bare: Column, stage: int) -> Iterator[Part]:
    """The column without what is missing in `bare`, which comes at a stage of its own, and NOT NULL when all rows hold it."""
    bare = replace(bare, nullable=True)
    yield Part(Added(bare), EXPAND)
    names = tuple(name for name in ("default", "identity_kind", "identity_options")
                  if getattr(bare, name) != getattr(column, name))  # fmt: skip
    if names:
        yield Part(Altered(bare, column, names), stage)
    if not column.nullable:
        yield Part(Altered(bare, column, ("nullable",)), TIGHTEN, online=True)


def parted(parts: list[Part], ground: Ground, old: Dependencies, new: Dependencies) -> list[Part]:
    """What stands on something shaken is dropped before and made after, each at its stage; the keys' users likewise."""
    shaken = {key(one.change.item) for one in parts if is_shaking(one.change, ground)}
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


def _lifted(parts: list[Part], old: Dependencies, new: Dependencies) -> list[Part]:
    """Each part at the earliest stage of its kind that is not before what it has to wait for."""
    lift = _Lift(parts, old, new)
    waiting = True
    while waiting:
        waiting = False
        for count, part in enumerate(lift.parts):
            stage = _next(part, max((lift.parts[other].stage for other in lift.waits_for(count)), default=0))
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
    return next((one for one in (_ONLINE if part.online else _INSIDE) if one >= earliest), part.stage)


class _Lift:
    """Which parts wait for which."""

    def __init__(self, parts: list[Part], old: Dependencies, new: Dependencies) -> None:
        self.parts = parts
        self._old, self._new = old, new
        self._by_key: dict[Key, list[int]] = {}
        for count, part in enumerate(parts):
            for unit in units(part.change.item):
                self._by_key.setdefault(key(unit), []).append(count)
        self._releases = _by_claim(parts)
        self._known: dict[int, frozenset[int]] = {}

    def waits_for(self, count: int) -> frozenset[int]:
        """The parts that a part may not precede."""
        found = self._known.get(count)
        if found is None:
            found = self._known[count] = frozenset(self._waits_for(self.parts[count])) - {count}
        return found

    def _waits_for(self, part: Part) -> Iterator[int]:
        change = part.change
        for unit in units(change.item):
            name = key(unit)
            if isinstance(change, Dropped):
                for user in self._old.users(name):
                    yield from self._by_key.get(user, ())
                    if user[0] == Constraint.word:  # a foreign key that stays rests on another key from then on
                        keys = self._new.of(user)
                        yield from (one for other in keys for one in self._by_key.get(other, ()) if self._makes(one))
                continue
            for used in self._new.of(name):
                yield from (one for one in self._by_key.get(used, ()) if self._makes(one))
        if isinstance(change, Added):
            yield from (one for claim in claims(change.item) for one in self._releases.get(claim, ()))
        elif isinstance(change, Altered):
            yield from self._own_needs(part, change)

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


def _by_claim(parts: list[Part]) -> Mapping[tuple[str, str], list[int]]:
    """The parts that give up a name, by the name."""
    found: dict[tuple[str, str], list[int]] = {}
    for count, part in enumerate(parts):
        if isinstance(part.change, Dropped):
            for claim in claims(part.change.item):
                found.setdefault(claim, []).append(count)
    return found


def advanced(schema: Schema, parts: tuple[Part, ...], version: int) -> Schema:
    """The Schema after some parts."""
    objects = schema.by_key()
    for part in parts:
        match part.change:
            case Dropped(item):
                objects.pop(key(item), None)
            case Added(item):
                objects[key(item)] = item
            case Altered(_, after, fields):
                current = objects.get(key(after))
                if current is not None:
                    values = {name: getattr(after, name) for name in fields}
                    objects[key(after)] = replace(current, **values)  # type: ignore[type-var]
    return Schema.of(objects.values(), version)
