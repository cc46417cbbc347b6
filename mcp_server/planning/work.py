"""What has to happen to which unit: the changes, and what Postgres demands on account of them.

A view has to go before a column of its changes its type, and comes back after; so does everything that stands on
something that is dropped and made again. Postgres names these one after the other, by refusing; here they are found
at once, from the dependencies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mcp_server.model.change import Added, Altered, Change, Dropped
from mcp_server.model.deparsed import stable
from mcp_server.model.names import quote
from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Function,
    Index,
    Policy,
    Publication,
    Range,
    RewriteRule,
    Table,
    Trigger,
    View,
    compared_fields,
)
from mcp_server.planning import casts
from mcp_server.planning.bodies import has_parsed_body
from mcp_server.planning.claims import claims, is_key
from mcp_server.planning.draft import Site
from mcp_server.planning.partitions import follows_parent, index_of, is_only, twins
from mcp_server.planning.recipes import RECIPES
from mcp_server.planning.units import (
    ASPECTS,
    Attachment,
    Default,
    Key,
    Ownership,
    Unit,
    aspect_fields,
    is_inherited,
    key,
    units,
)

TYPES = (Enum, Domain, Composite, Range)
_STAND_ON_TYPE = (View, RewriteRule, Policy, Trigger)


@dataclass(frozen=True, slots=True)
class Work:
    """What happens to one unit: made (no before), dropped (no after), altered, or with `again` dropped and made."""

    before: Unit | None
    after: Unit | None
    fields: tuple[str, ...] = ()
    again: bool = False
    why: str = ""

    @property
    def makes(self) -> bool:
        return self.after is not None and (self.before is None or self.again)

    @property
    def drops(self) -> bool:
        return self.before is not None and (self.after is None or self.again)


Works = dict[Key, Work]


def works(changes: Iterable[Change]) -> Works:
    """Each change, taken apart into units."""
    found: Works = {}
    for change in changes:
        match change:
            case Added(item):
                found.update({key(unit): Work(None, unit) for unit in units(item)})
            case Dropped(item):
                found.update({key(unit): Work(unit, None) for unit in units(item)})
            case Altered(before, after, fields):
                found.update(_altered(before, after, fields))
    return found


def _altered(before: Unit, after: Unit, fields: tuple[str, ...]) -> Works:
    found: Works = {}
    apart = aspect_fields(after) if aspect_fields(after) == aspect_fields(before) else ()
    rest = tuple(name for name in fields if name not in apart)
    if rest:
        found[key(after)] = Work(before, after, rest)
    for kind in ASPECTS if set(apart) & set(fields) else ():
        old = next((unit for unit in units(before) if isinstance(unit, kind)), None)
        new = next((unit for unit in units(after) if isinstance(unit, kind)), None)
        if old or new:
            one = new or old
            assert one is not None
            found[key(one)] = Work(old, new, tuple(name for name in kind.fields if name in fields))
    return found


class Closure:
    """Finds what has to be dropped and made again, beginning with what cannot be altered."""

    def __init__(self, found: Works, site: Site) -> None:
        self.works = found
        self.site = site
        self._queue: list[tuple[Key, Literal["gone", "retyped"]]] = []

    def complete(self) -> Works:
        """The works, and those that follow from them."""
        for name, work in list(self.works.items()):
            self._begin(name, work)
        self._begin_with_retaken_names()
        while self._queue:
            used, manner = self._queue.pop()
            for user in sorted(self.site.old.users(used)):
                self._follow(user, used, manner)
        return self.works

    def _begin(self, name: Key, work: Work) -> None:
        self._begin_with_partition(work)
        if work.before is not None and work.after is None and is_key(work.before):
            self._queue.append((name, "gone"))  # who refers to it may now rest on another key, but not by itself
        if work.before is None or work.after is None:
            return
        recipe = RECIPES[type(work.after)]
        if recipe.replaces(work.before, work.after, work.fields, self.site):
            self._replace(name, "")
        elif isinstance(work.after, Column) and {"type", "collation"} & set(work.fields):
            self._queue.append((name, "retyped"))

    def _begin_with_partition(self, work: Work) -> None:
        """An index that would be attached in place of another; a key of a partition on an index of its parent's, which goes with that."""
        if work.before is None and isinstance(work.after, Index) and work.after.parent:
            for twin in twins(work.after, self.site.old.schema):
                self._replace(key(twin), "would be attached in its place, and is put back")
        for unit, schema in ((work.before, self.site.old.schema), (work.after, self.site.new.schema)):
            alone = work.before is None or work.after is None
            if alone and isinstance(unit, Constraint) and not unit.inherited and not self._comes_or_goes(unit.table):
                index = index_of(unit, schema)
                parent = schema.get(Index, index.parent) if index else None
                if parent is not None and not is_only(parent, schema):
                    self._replace(key(parent), "carries the key of a partition, and is put back")

    def _comes_or_goes(self, table: str) -> bool:
        """Whether a partition is made, dropped, attached or detached."""
        return any(
            (word, table) in self.works for word in (Table.word, Attachment.word) if self._is_one_sided((word, table))
        )

    def _is_one_sided(self, name: Key) -> bool:
        work = self.works.get(name)
        return work is not None and (work.before is None or work.after is None)

    def _begin_with_retaken_names(self) -> None:
        """A view over a table that gives way to a view of that name, a call of a function with other parameters."""
        made = {claim for work in self.works.values() if work.before is None for claim in claims(work.after)}
        for name, work in list(self.works.items()):
            if work.after is None and made & claims(work.before):
                self._queue.append((name, "gone"))

    def _replace(self, name: Key, why: str) -> None:
        """Drop a unit and make it again; for one that is dropped anyway nothing changes."""
        known = self.works.get(name)
        old, new = self.site.old.units.get(name), self.site.new.units.get(name)
        if known and (known.again or known.before is None or known.after is None):
            return
        if old is None or new is None:
            return
        self.works[name] = Work(old, new, known.fields if known else (), again=True, why=known.why if known else why)
        self._queue.append((name, "gone"))
        if isinstance(old, Index) and old.constraint:
            self._replace(_constraint_of(old), why)

    def _retype(self, name: Key, why: str) -> None:
        known = self.works.get(name)
        old, new = self.site.old.units.get(name), self.site.new.units.get(name)
        if old is None or new is None or (known and (known.again or "type" in known.fields)):
            return
        self.works[name] = Work(old, new, tuple({*(known.fields if known else ()), "type"}), why=why)
        self._queue.append((name, "retyped"))

    def _follow(self, user: Key, used: Key, manner: Literal["gone", "retyped"]) -> None:
        unit = self.site.old.units[user]
        why = f"stands on {used[0]} {used[1]} and is put back"
        if isinstance(unit, Column):
            self._follow_column(user, unit, used, manner)
        elif isinstance(unit, Table):
            return
        elif is_inherited(unit):
            if manner == "gone" and isinstance(unit, Index) and not self._comes_with_parent(unit):
                self._replace(user, why)
            elif manner == "gone":
                self._queue.append((user, "gone"))
        elif manner == "gone" or self._stands_on_type(unit, used):
            self._replace(user, why)
        elif (
            isinstance(unit, Index) and unit.unique and unit.include
        ):  # Postgres makes it anew, but for foreign keys on it
            for key_user in sorted(self.site.old.users(user) | self.site.old.users(_constraint_of(unit))):
                if key_user[0] == Constraint.word and key_user != _constraint_of(unit):
                    self._replace(key_user, why)

    def _comes_with_parent(self, index: Index) -> bool:
        """Whether Postgres makes an attached index again, as it is wanted, when it makes the parent's."""
        wanted = self.site.new.units.get(key(index))
        stays = not isinstance(wanted, Index) or follows_parent(wanted, self.site.new.schema)
        return stays and follows_parent(index, self.site.old.schema)

    def _follow_column(self, user: Key, unit: Column, used: Key, manner: Literal["gone", "retyped"]) -> None:
        if unit.inherited and used[0] == Column.word:
            self._queue.append((user, manner))
        elif unit.generated is not None and used[0] != Table.word:
            self._replace(user, f"is computed from {used[0]} {used[1]} and is put back")
        elif isinstance(self.site.old.units.get(used), TYPES) and manner == "gone":
            self._retype(user, f"its type {used[1]} is made anew")

    def _stands_on_type(self, unit: Unit, used: Key) -> bool:
        """True for what Postgres does not carry along when a column changes its type."""
        before, after = self.site.old.units.get(used), self.site.new.units.get(used)
        assert isinstance(before, Column)
        assert isinstance(after, Column)
        anew = not casts.is_alike(before.type, after.type) or any(
            work.again and name in self.site.new.of(used) for name, work in self.works.items() if name[0] in _TYPE_WORDS
        )
        if isinstance(unit, Default):
            return anew
        if isinstance(unit, Constraint):
            return (unit.kind == "f" and anew) or stable(unit.definition) != unit.definition
        if isinstance(unit, Index):
            return stable(unit.definition) != unit.definition  # Postgres would put the list in other words
        if isinstance(unit, Function):
            return has_parsed_body(unit)
        if isinstance(unit, Publication):
            return any(" WHERE " in table for table in unit.tables)
        return isinstance(unit, _STAND_ON_TYPE)


def _constraint_of(index: Index) -> Key:
    return (Constraint.word, f"{index.table}.{quote(index.constraint)}")


_TYPE_WORDS = frozenset(kind.word for kind in TYPES)


def refields(work: Work) -> tuple[str, ...]:
    """The fields of a work in the order of the class."""
    if work.after is None or not work.fields:
        return work.fields
    if isinstance(work.after, Default | Ownership | Attachment):
        return work.fields
    return tuple(name for name in compared_fields(type(work.after)) if name in work.fields)
