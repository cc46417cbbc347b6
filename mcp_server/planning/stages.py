"""When each part of each change happens: which hop of the way from one Schema to the other it belongs to.

A hop is either online (statements outside of any transaction) or a transaction. Their order is that of a deployment:
what is loosened or added before the new application runs, what is tightened or taken away after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mcp_server.model.change import Added, Altered, Change, Changes, Dropped
from mcp_server.model.schema import (
    Column,
    Constraint,
    Function,
    Index,
    Namespace,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    View,
    group_of,
)
from mcp_server.planning.followers import Followers
from mcp_server.planning.partitions import former, index_of
from mcp_server.planning.parts import CONTRACT, EXPAND, LOOSEN, SETTLE, TIGHTEN, Part, is_shaking
from mcp_server.planning.rechecks import proven_later
from mcp_server.planning.safe import partitioned, quick
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.safe.retype import Exchange
from mcp_server.planning.safe.retype_carried import find
from mcp_server.planning.units import Key, key
from mcp_server.planning.waiting import lifted, parted
from mcp_server.planning.work import TYPES

_GONE_LAST = (Table, Column, View, Function, Sequence, Namespace, *TYPES)


def staged(changes: Changes, ground: Ground, followers: Followers) -> tuple[Part, ...]:
    """The parts of all changes, none before what it stands on and none after what stands in its way."""
    changes = tuple(followers.without(changes))
    changed = {key(one.item) for one in changes}
    along = {key(one.item): one for one in changes if _above(one, ground) in changed}
    changes = tuple(one for one in changes if key(one.item) not in along)
    gone = {one.item.identity for one in changes if isinstance(one, Dropped) and isinstance(one.item, Table)}
    parts = list(proven_later((part for change in changes for part in _parts(change, ground, gone)), ground))
    group = find(parts, ground, followers.old, followers.new)
    parts = list(_by_hand(parts, group)) if group else parts
    found = tuple(lifted(parted(parts, ground, followers), followers))
    return (*found, *(_beside(change, found, along, ground) for change in along.values()))


def _above(change: Change, ground: Ground) -> Key:
    """The parent's part of what a change is about: it comes and goes with that."""
    item = change.item
    if isinstance(change, Dropped) and isinstance(item, Constraint) and item.inherited:
        table = ground.before.get(Table, item.table)
        stays = ground.after.get(Table, item.table) is not None
        parents = table.inherits if table is not None and stays and not table.partition_of else ()
        found = (one for parent in parents for one in ground.before.on(parent, Constraint) if one.name == item.name)
        if (above := next(found, None)) is not None:
            return key(above)
    return (Index.word, _parent(change, ground))


def _parent(change: Change, ground: Ground) -> str:
    """The index that a partition's part of an index or key is attached to: with another one its name may change, too."""
    item, schema = change.item, ground.after if isinstance(change, Added) else ground.before
    index = index_of(item, schema) if isinstance(item, Constraint) else item
    return index.parent if isinstance(index, Index) and not isinstance(change, Altered) else ""


def _beside(change: Change, parts: tuple[Part, ...], along: dict[Key, Change], ground: Ground) -> Part:
    """The change at the stage of the parent's: it is dropped with the old one, and made with the new. along: its likes."""
    parent = _above(change, ground)
    while parent in along:
        parent = _above(along[parent], ground)
    found = [part for part in parts if key(part.change.item) == parent]
    same = [part for part in found if type(part.change) is type(change)]
    return replace((same or found)[0], change=change)


def _by_hand(parts: Iterable[Part], group: Exchange) -> Iterator[Part]:
    """What the columns that change places bring along has no part of its own any more."""
    whole: dict[Key, Change] = {key(one.after): one.change for one in group.columns}
    types = {key(after) for _, after in group.types}
    for change in whole.values():
        yield Part(change, CONTRACT, retype=group)
    for part in parts:
        name = key(part.change.item)
        if name in types or name in group.aside:
            yield replace(part, stage=CONTRACT, online=False, retype=group)
        elif name not in whole:
            yield part


def _parts(change: Change, ground: Ground, gone: set[str]) -> Iterator[Part]:
    item = change.item
    if isinstance(change, Dropped) and (group_of(item) in gone or isinstance(item, _GONE_LAST)):
        if isinstance(item, Column) and (part := _loosened(item, ground)):
            yield part
        yield Part(change, CONTRACT)
    elif isinstance(item, Index | Constraint) and _is_renamed(change, ground):
        yield Part(change, EXPAND)
    elif isinstance(item, Index | Constraint) and ground.is_busy(_ruling_table(item, ground)):
        yield _on_busy_table(change, ground)
    elif isinstance(item, Column) and isinstance(change, Altered):
        yield from _altered_column(change, ground)
    elif isinstance(change, Added) and isinstance(item, Column) and ground.is_busy(item.table):
        yield from _added_column(item, ground)
    elif isinstance(change, Altered) and isinstance(item, TYPES) and is_shaking(change, ground):
        yield Part(change, CONTRACT)
    else:
        yield Part(change, EXPAND)


def _is_renamed(change: Change, ground: Ground) -> bool:
    """Whether it is a partition's part of an index or key that stays and gets another name."""
    here, there = (ground.after, ground.before) if isinstance(change, Added) else (ground.before, ground.after)
    index = index_of(change.item, here) if isinstance(change.item, Constraint) else change.item
    return not isinstance(change, Altered) and isinstance(index, Index) and former(index, there, here) is not None


def _ruling_table(item: Index | Constraint, ground: Ground) -> str:
    """The table that decides when: a partition's part of an index or constraint that is made comes with the parent's."""
    while (parent := _made_by(item, ground)) is not None:
        item = parent
    return item.table


def _made_by(item: Index | Constraint, ground: Ground) -> Index | Constraint | None:
    """What the plan makes on the parent, of which a partition's own is a part."""
    if isinstance(item, Index):
        made = item.parent and ground.before.get(Index, item.parent) is None
        return ground.after.get(Index, item.parent) if made else None
    table = ground.after.get(Table, item.table)
    if not item.inherited or table is None or not table.partition_of:
        return None
    old = {one.identity for one in ground.before.on(table.partition_of, Constraint)}
    parents = (one for one in ground.after.on(table.partition_of, Constraint) if partitioned.is_part(item, one))
    return next((one for one in parents if one.identity not in old), None)


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
    """EXCLUDE, keys WITHOUT OVERLAPS; on partitioned tables what a partition that is a foreign table cannot have."""
    if item.kind == "x" or item.temporal:
        return True
    if not ground.is_partitioned(item.table) or item.kind not in "puf" or (item.kind == "f" and ground.since(18)):
        return False
    return not any(
        partitioned.has_form(item, one) for one in (ground, Ground(ground.after, ground.before, ground.sizes))
    )


def _altered_column(change: Altered, ground: Ground) -> Iterator[Part]:
    before, after = change.before, change.after
    assert isinstance(before, Column)
    assert isinstance(after, Column)
    fields = [name for name in change.fields if name != "nullable"]
    tightens = before.nullable and not after.nullable
    numbered = {"identity_kind", "identity_options"} & set(fields)
    table = ground.after.get(Table, after.table)
    inherited = (after.inherited or before.inherited) and not (table is not None and table.partition_of)
    busy = ground.is_busy(after.table) and not inherited
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
