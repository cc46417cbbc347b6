"""Which columns can change places with others of the new type: those on which nothing stands that cannot be carried over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mcp_server.model.change import Altered, Change
from mcp_server.model.schema import Column, Constraint, Enum, Index, Sequence, Table, compared_fields
from mcp_server.planning.dependencies import Dependencies
from mcp_server.planning.parts import CONTRACT, Part, is_shaking
from mcp_server.planning.safe.aside import aside
from mcp_server.planning.safe.ground import Ground
from mcp_server.planning.safe.retype import NEW, OLD, Exchange, Retype, type_beside
from mcp_server.planning.safe.retype_guard import reference_head
from mcp_server.planning.safe.wording import with_name, with_type
from mcp_server.planning.units import Default, Key, Ownership, key
from mcp_server.planning.work import TYPES

_CARRIED = frozenset({"type", "collation", "default", "comment", "nullable", "identity_options"})


@dataclass(slots=True)
class Search:
    """The columns and types that are left. shaken, anew: all columns whose type changes, all enums that are made anew."""

    columns: dict[Key, Retype]
    types: dict[Key, tuple[Enum, Enum]]
    shaken: frozenset[Key]
    anew: frozenset[Key]
    ground: Ground
    old: Dependencies
    new: Dependencies

    def users(self, name: Key) -> frozenset[Key]:
        """What stands on a unit before or after."""
        return self.old.users(name) | self.new.users(name)

    def is_alike(self, name: Key) -> bool:
        """Whether a unit stands before and after as it is."""
        return name in self.old.units and self.old.units[name] == self.new.units.get(name)

    def names(self, table: str) -> frozenset[str]:
        """The columns of a table that change places."""
        return frozenset(one.after.name for one in self.columns.values() if one.table == table)


def find(parts: Iterable[Part], ground: Ground, old: Dependencies, new: Dependencies) -> Exchange | None:
    """All columns of the plan that can go this way together, None for none."""
    listed = tuple(parts)
    search = _candidates(listed, ground, old, new)
    while gone := {name for name in search.columns if not _column_fits(name, search)} | {
        name for name in search.types if not _type_fits(name, search)
    }:
        search.columns = {name: one for name, one in search.columns.items() if name not in gone}
        search.types = {name: one for name, one in search.types.items() if name not in gone}
    _only_busy(search)
    return _exchange(search) if search.columns else None


def _candidates(parts: tuple[Part, ...], ground: Ground, old: Dependencies, new: Dependencies) -> Search:
    enums: dict[Key, tuple[Enum, Enum]] = {}
    for change in (part.change for part in parts if isinstance(part.change, Altered)):
        if isinstance(change.before, Enum) and isinstance(change.after, Enum) and is_shaking(change, ground):
            enums[key(change.after)] = (change.before, change.after)
    changes = tuple(part.change for part in parts)
    other = {key(one.item) for one in changes if isinstance(one.item, TYPES) and _is_anew(one, changes)} - set(enums)
    found = {key(part.change.item): _whole(part.change) for part in parts
             if part.stage == CONTRACT and isinstance(part.change, Altered) and isinstance(part.change.item, Column)}  # fmt: skip
    for name in enums:
        for user in old.users(name) & new.users(name):
            before, after = ground.before.get(Column, user[1]), ground.after.get(Column, user[1])
            if user[0] == Column.word and before is not None and after is not None:
                found[user] = _whole(Altered(before, after, ()))
    columns = {name: _retype(change, ground, enums) for name, change in found.items()
               if _may(change, ground, (_types(name, old) | _types(name, new)) & other, old.of(name) & set(enums))}  # fmt: skip
    return Search(columns, enums, frozenset(found), frozenset(enums), ground, old, new)


def _is_anew(change: Change, changes: tuple[Change, ...]) -> bool:
    """Whether a type becomes another one, also one of another kind: then both cannot stand side by side."""
    others = (one.item for one in changes if isinstance(one.item, TYPES) and type(one) is not type(change))
    return isinstance(change, Altered) or any(one.identity == change.item.identity for one in others)


def _types(name: Key, deps: Dependencies) -> set[Key]:
    """The types that a column has, and those that they are made of."""
    words = {kind.word for kind in TYPES}
    found: set[Key] = set()
    waiting = [name]
    while waiting:
        used = {one for one in deps.of(waiting.pop()) if one[0] in words} - found
        found |= used
        waiting += used
    return found


def _whole(change: Altered) -> Altered:
    """A column's change with all that differs; its type counts as changed."""
    differing = (
        name for name in compared_fields(Column) if getattr(change.before, name) != getattr(change.after, name)
    )
    return replace(change, fields=tuple(sorted({*differing, "type"})))


def _may(change: Altered, ground: Ground, other: set[Key], anew: frozenset[Key]) -> bool:
    """Whether a column by itself can go this way. other: types that are altered in other ways; anew: those made anew."""
    before, after = change.before, change.after
    assert isinstance(before, Column)
    assert isinstance(after, Column)
    if other or not set(change.fields) <= _CARRIED or (before.type == after.type and not anew):
        return False
    return _is_plain(before, ground) and _is_plain(after, ground)


def _is_plain(column: Column, ground: Ground) -> bool:
    """Whether nothing is set on the column that a second one would not have by itself."""
    settings = column.storage or column.compression or column.options or column.inherited
    if settings or column.generated is not None or column.statistics is not None or ground.has_children(column.table):
        return False
    tables = (schema.get(Table, column.table) for schema in (ground.before, ground.after))
    return all(
        one is not None and one.kind == "table" and not one.inherits and not one.partition_of and not one.of_type
        for one in tables
    )


def _retype(change: Altered, ground: Ground, enums: dict[Key, tuple[Enum, Enum]]) -> Retype:
    before, after = change.before, change.after
    assert isinstance(before, Column)
    assert isinstance(after, Column)
    keys = (one for one in ground.before.on(after.table, Constraint) if one.kind == "p")
    firm = bool(after.identity_kind) or any(after.name in one.columns for one in keys)
    type_new, type_old = after.type, before.type
    for _, enum in enums.values():
        type_new = with_type(type_new, enum.identity, type_beside(enum, NEW))
        type_old = with_type(type_old, enum.identity, type_beside(enum, OLD))
    firm = firm and not before.nullable and not after.nullable
    return Retype(change, before, after, firm, type_new, type_old)


def _column_fits(name: Key, search: Search) -> bool:
    one = search.columns[name]
    taken = {column.name for column in search.ground.before.on(one.table, Column)}
    used = (search.old.of(name) | search.new.of(name)) & search.anew
    if {one.new, one.old} & taken or not used <= search.types.keys():
        return False
    return all(_is_carried(user, search) for user in search.users(name))


def _type_fits(name: Key, search: Search) -> bool:
    taken = {type_beside(search.types[name][1], word) for word in (NEW, OLD)}
    if any(unit[1] in taken for unit in (*search.old.units, *search.new.units) if unit[0] != Column.word):
        return False
    for user in search.users(name):
        if user[0] == Column.word:
            if user in search.old.units and user not in search.columns:
                return False
        elif not _is_carried(user, search):
            return False
    return True


def _is_carried(user: Key, search: Search) -> bool:
    """Whether what stands on a column or type goes along, or is made again in a phase of its own."""
    word, unit = user[0], search.old.units.get(user, search.new.units.get(user))
    if word == Default.word:
        return (Column.word, user[1]) in search.columns
    if word == Ownership.word:
        owned = (schema.get(Sequence, user[1]) for schema in (search.ground.before, search.ground.after))
        return len({one.owned_by if one is not None else "" for one in owned}) == 1
    if isinstance(unit, Index | Constraint):
        return not search.is_alike(user) or _goes_along(unit, search)
    return aside((user,), search.old, search.new) is not None


def _goes_along(item: Index | Constraint, search: Search) -> bool:
    """An index or constraint that stands before and after as it is."""
    if not _referring(item, search) <= {user for name in search.columns for user in search.users(name)}:
        return False  # a foreign key between other columns would hold on to the old index
    if isinstance(item, Index):
        table = search.ground.after.get(Table, item.table)
        settled = (
            item.clustered
            or item.parent
            or not item.valid
            or (table is not None and table.replica_identity == item.name)
        )
        if item.constraint:
            return not settled and search.is_alike((Constraint.word, f"{item.table}.{_quoted(item.constraint)}"))
        return not settled and _speaks_of(item, search)
    if item.inherited or item.temporal or not item.enforced or (item.kind != "f" and not item.validated):
        return False
    if item.kind == "f":
        return _reference_fits(item, search)
    return item.kind in "puc" and _speaks_of(item, search)


def _referring(item: Index | Constraint, search: Search) -> set[Key]:
    """The foreign keys that rest on an index or a key."""
    units = {name: search.old.units[name] for name in search.old.users(key(item))}
    return {name for name, one in units.items() if isinstance(one, Constraint) and one.kind == "f"}


def _quoted(name: str) -> str:
    return Constraint("", name, "c", (), "").identity.removeprefix(".")


def _speaks_of(item: Index | Constraint, search: Search) -> bool:
    return any(with_name(item.definition, name, "") != item.definition for name in search.names(item.table))


def _reference_fits(item: Constraint, search: Search) -> bool:
    """A foreign key: both its ends can be carried, and what it rests on stays."""
    actions = {item.on_delete.lower(), item.on_update.lower()}
    if "set default" in actions or item.set_columns or not item.definition.startswith(reference_head(item)):
        return False
    if any(
        search.ground.is_partitioned(table) or search.ground.has_children(table)
        for table in (item.table, item.references)
    ):
        return False
    own, other = (
        {(Column.word, replace(_COLUMN, table=table, name=name).identity) for name in names}
        for table, names in ((item.table, item.columns), (item.references, item.referenced_columns))
    )
    if (own | other) & search.shaken - search.columns.keys():
        return False
    return _rests_alike(item, search) or bool(other & search.columns.keys())


_COLUMN = Column("", "", "")


def _rests_alike(item: Constraint, search: Search) -> bool:
    """Whether the key that a foreign key rests on stands before and after as it is; else the foreign key is made again."""
    keys = (one for one in search.old.of(key(item)) if one[0] in (Constraint.word, Index.word))
    return all(search.is_alike(one) for one in keys)


def _only_busy(search: Search) -> None:
    """Columns of small tables go along only where a key or a type joins them to a table in use."""
    kept = {name for name, one in search.columns.items() if search.ground.is_busy(one.table)}
    joined = _joined(search)
    while more := {name for pair in joined for name in pair if kept & set(pair)} - kept:
        kept |= more
    search.columns = {name: one for name, one in search.columns.items() if name in kept}
    search.types = {name: one for name, one in search.types.items() if search.users(name) & kept}


def _joined(search: Search) -> tuple[frozenset[Key], ...]:
    """Sets of columns that have to change places together."""
    found = [frozenset(search.users(name) & search.columns.keys()) for name in search.types]
    for item in search.ground.before.all(Constraint):
        if item.kind == "f":
            ends = ((item.table, item.columns), (item.references, item.referenced_columns))
            names = {replace(_COLUMN, table=table, name=name).identity for table, columns in ends for name in columns}
            found.append(frozenset((Column.word, name) for name in names) & search.columns.keys())
    return tuple(found)


def _exchange(search: Search) -> Exchange:
    users = {user for name in (*search.columns, *search.types) for user in search.users(name)}
    standing = [search.old.units[name] for name in sorted(users) if search.is_alike(name)]
    constraints = [one for one in standing if isinstance(one, Constraint)]
    seeds = (name for name in users if not isinstance(search.old.units.get(name, search.new.units.get(name)), _OWN))
    return Exchange(
        columns=tuple(search.columns[name] for name in sorted(search.columns)),
        indexes=tuple(one for one in standing if isinstance(one, Index) and not one.constraint),
        checks=tuple(one for one in constraints if one.kind == "c"),
        keys=tuple(one for one in constraints if one.kind in "pu"),
        references=tuple(one for one in constraints if one.kind == "f" and _rests_alike(one, search)),
        types=tuple(search.types[name] for name in sorted(search.types)),
        sequences=tuple(_owned(search)),
        aside=aside(seeds, search.old, search.new) or frozenset(),
        ground=search.ground,
    )


_OWN = (Column, Default, Ownership, Index, Constraint)


def _owned(search: Search) -> Iterator[Sequence]:
    names = {one.after.identity for one in search.columns.values()}
    for sequence in search.ground.after.all(Sequence):
        if sequence.owned_by in names:
            yield sequence
