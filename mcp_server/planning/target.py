"""What a database shall become when the models speak and the history knows more than models can state.

The models are silent about functions, views, triggers, policies, grants, storage and much else: what the history made
of these stays. They do speak of tables, columns, constraints, indexes, enums and domains of their columns, and of
comments on tables and columns: what only the history has of these goes.
Partitions and inheriting tables follow their parents: Postgres itself hands them what the parent gets and loses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from functools import cache
from typing import Any

from mcp_server.model.change import differing, keyed
from mcp_server.model.migration import Kept
from mcp_server.model.names import quote, split
from mcp_server.model.schema import (
    Column,
    Composite,
    Constraint,
    DefaultPrivilege,
    Domain,
    Enum,
    Extension,
    Function,
    Grant,
    Index,
    Namespace,
    Policy,
    Publication,
    Range,
    RewriteRule,
    Schema,
    SchemaObject,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
    compared_fields,
)
from mcp_server.planning.alike import with_names_of
from mcp_server.planning.mentions import words
from mcp_server.planning.units import Key, key

Hanging = Column | Constraint | Index | Trigger | Policy | RewriteRule | Statistics
# Fields that models leave at their default because they have no word for them, or seldom use the one they have.
_UNSAID: dict[type, tuple[str, ...]] = {
    Table: (
        "kind", "persistence", "access_method", "tablespace", "options", "replica_identity", "row_security",
        "force_row_security", "partition_by", "partition_of", "partition_bound", "inherits", "server", "of_type", "owner",
    ),
    Column: ("storage", "compression", "statistics", "options", "inherited"),
    Constraint: ("comment", "inherited"),
    Index: ("options", "tablespace", "clustered", "comment", "parent"),
    Sequence: ("start", "increment", "minimum", "maximum", "cache", "cycle", "persistence", "owner", "comment"),
}  # fmt: skip
_UNSAID_OF_OTHERS = ("owner", "comment")
# The models' copy of these is only what a sandbox needs.
_HISTORYS_OWN = (Extension, Grant, DefaultPrivilege, Publication)
_TYPED = {"type": (Enum, Domain, Composite, Range), "table": (Table, View), "procedure": (Function,)}
_WITH = re.compile(r" WITH \([^()]*\)")


@dataclass(frozen=True, slots=True)
class Target:
    """What the database shall be.

    kept: what the models do not state. gone: objects of before that will not be, those on a table that goes included.
    followers: partitions and inheriting tables that stay with their parent; plan and compare without them.
    """

    schema: Schema
    kept: tuple[Kept, ...] = ()
    gone: tuple[SchemaObject, ...] = ()
    followers: tuple[str, ...] = ()


def target_of(
    before: Schema, models: Schema, held: frozenset[Key] = frozenset(), filled: frozenset[str] = frozenset()
) -> Target:
    """The models' Schema completed by what of the history they cannot state.

    held: tables, columns and types that must stay although the models lack them, because something kept needs them.
    filled: columns that get their value from the application, so that the models are silent about the database's default.
    """
    models = with_names_of(before, models).sharing(before)
    merge = _Merge(before, models, held, filled)
    unequal = [name for name in models.groups if name in merge.unequal]
    stated = models.with_groups({name: tuple(merge.merged(one) for one in models.group(name)) for name in unequal})
    staying = list(merge.staying(stated))
    found = Schema.of(staying)
    result = stated.with_groups({name: (*stated.group(name), *found.group(name)) for name in found.groups})
    left = differing(before, result)
    present = keyed(result, left)
    gone = tuple(item for name in left for item in before.group(name) if key(item) not in present)
    whole = {one.identity for one in staying if isinstance(one, Table)}
    kept = tuple(Kept(item) for item in staying if _says_something(item) and getattr(item, "table", "") not in whole)
    return Target(result, (*kept, *merge.kept_fields), gone, merge.followers)


def _says_something(item: SchemaObject) -> bool:
    """Whether a kept object is worth naming; the schema `public` and the mere name of a NOT NULL are not."""
    if isinstance(item, Namespace):
        return item.name != "public"
    if isinstance(item, Constraint):
        return item.kind != "n" or not item.validated or item.no_inherit
    return not isinstance(item, Index) or not item.constraint


class _Merge:
    """The questions that are asked of each object, answered for one pair of Schemas."""

    def __init__(self, before: Schema, models: Schema, held: frozenset[Key], filled: frozenset[str]) -> None:
        self.before = before
        self.models = models
        # What is equal in both is settled: only what lies in the other groups is asked for by its key.
        self.unequal = differing(before, models)
        self.old = keyed(before, self.unequal)
        self.stated = keyed(models, self.unequal)
        self.held = held
        self.filled = filled
        self.kept_fields: list[Kept] = []
        self.tables = {table.identity for table in before.all(Table) if self._table_stays(table)}
        self.followers = tuple(
            identity
            for identity in sorted(self.tables)
            if not self._is_stated(identity) and self._parents(before.get(Table, identity))
        )

    def _parents(self, table: Table | None) -> tuple[str, ...]:
        return tuple(name for name in (table.partition_of, *table.inherits) if name) if table else ()

    def _table_stays(self, table: Table) -> bool:
        if self._is_stated(table.identity) or key(table) in self.held or table.kind == "foreign" or table.inherits:
            return True
        parent = self.before.get(Table, table.partition_of)
        return parent is not None and self._table_stays(parent)

    def _is_stated(self, table: str) -> bool:
        return self.models.get(Table, table) is not None

    def merged(self, new: SchemaObject) -> SchemaObject:
        """An object of the models, with what they leave unsaid as the history has it."""
        old = self.old.get(key(new))
        if isinstance(new, Index):
            new = self._on_partitioned(new)
        if old is None or old == new:
            return new
        if isinstance(old, _HISTORYS_OWN):
            return old
        differing = [name for name in compared_fields(type(new)) if getattr(old, name) != getattr(new, name)]
        kept = tuple(name for name in differing if _is_unsaid(new, name) or self._is_filled(old, new, name))
        if isinstance(old, Sequence) and isinstance(new, Sequence) and old.type != new.type:
            kept = tuple(name for name in kept if name not in ("minimum", "maximum"))  # the type's own bounds
        if isinstance(old, Index | Constraint) and isinstance(new, Index | Constraint):
            if set(differing) <= {*kept, "definition"} and _without_storage(old) == _without_storage(new):
                kept = tuple(differing)
            elif "definition" in differing:
                kept = tuple(name for name in kept if name != "options")  # it is made anew from the models' words
        if kept:
            self.kept_fields.append(Kept(old, kept))
        values: dict[str, Any] = {name: getattr(old, name) for name in kept}
        return replace(new, **values)  # type: ignore[type-var]

    def _is_filled(self, old: SchemaObject, new: SchemaObject, name: str) -> bool:
        """Whether the database's default may stay beside the value that the application gives."""
        if not isinstance(old, Column) or not isinstance(new, Column) or name != "default" or new.default is not None:
            return False
        return new.identity in self.filled and (old.type, old.generated) == (new.type, new.generated)

    def _on_partitioned(self, index: Index) -> Index:
        """The models' index as it reads on a table that the history partitioned."""
        table = self.before.get(Table, index.table)
        if table is not None and table.kind == "partitioned" and " ON ONLY " not in index.definition:
            return replace(index, definition=index.definition.replace(" ON ", " ON ONLY ", 1))
        return index

    def staying(self, stated: Schema) -> Iterator[SchemaObject]:
        """What only the history has and what stays; types last, when it is known who uses them, and then grants."""
        only = [item for name in self.unequal for item in self.before.group(name) if key(item) not in self.stated]
        types = [item for item in only if isinstance(item, Enum | Domain)]
        found: list[SchemaObject] = []
        for item in only:
            if not isinstance(item, Enum | Domain | Grant) and self._stays(item):
                found.append(self._publication(item) if isinstance(item, Publication) else item)
        found += self._types_that_stay(types, [*stated, *found]) if types else []
        yield from found
        yield from self._grants_that_stay([item for item in only if isinstance(item, Grant)], stated, found)

    def _stays(self, item: SchemaObject) -> bool:
        if key(item) in self.held:
            return True
        if isinstance(item, Table):
            return item.identity in self.tables
        if isinstance(item, Sequence):
            return self._sequence_stays(item)
        return self._hanging_stays(item) if isinstance(item, Hanging) else True

    def _hanging_stays(self, item: Hanging) -> bool:
        if not self._is_stated(item.table):
            return item.table in self.tables or self.before.get(View, item.table) is not None
        match item:
            case Column():
                return item.inherited
            case Constraint():
                return item.inherited or (item.kind == "n" and self._is_not_null(item))
            case Index():
                owner = self.before.get(Table, item.table)
                return bool(item.parent) or (owner is not None and owner.replica_identity == item.name)
            case Statistics():
                return not self._gone_columns(item.table) & words(item.definition)
        return True

    def _is_not_null(self, constraint: Constraint) -> bool:
        column = self.stated.get((Column.word, f"{constraint.table}.{quote(constraint.columns[0])}"))
        return isinstance(column, Column) and not column.nullable

    def _gone_columns(self, table: str) -> set[str]:
        columns = self.before.on(table, Column)
        return {quote(one.name) for one in columns if key(one) not in self.stated and key(one) not in self.held}

    def _sequence_stays(self, sequence: Sequence) -> bool:
        """A sequence of a column goes with it, or when the models' column no longer counts with it."""
        if not sequence.owned_by:
            return True
        table = ".".join(quote(part) for part in split(sequence.owned_by)[:2])
        column = _column(self.models, table, sequence.owned_by)
        if column is not None:
            old = _column(self.before, table, sequence.owned_by)
            stays = old is not None and self._is_filled(old, column, "default")
            return f"'{sequence.identity}'" in ((old.default if stays and old else column.default) or "")
        held = (Column.word, sequence.owned_by) in self.held
        return held or (table in self.tables and not self._is_stated(table))

    def _publication(self, publication: Publication) -> Publication:
        """Dropping a table takes it out of its publications."""
        gone = {table.identity for table in self.before.all(Table)} - self.tables
        tables = tuple(text for text in publication.tables if re.split(r"[ (]", text, maxsplit=1)[0] not in gone)
        return replace(publication, tables=tables)

    def _types_that_stay(self, types: list[Enum | Domain], result: list[SchemaObject]) -> list[Enum | Domain]:
        """Types that columns of the models had and have no more go; those that serve something else stay."""
        had = {_base(one.type) for one in self.before.all(Column) if self._is_modelled(one.table)}
        has = {_base(one.type) for one in result if isinstance(one, Column)}
        texts = "\n".join(repr(one) for one in result if not isinstance(one, Table | Column | Enum))
        return [
            one
            for one in types
            if key(one) in self.held or one.identity not in had or one.identity in has or one.identity in texts
        ]

    def _is_modelled(self, table: str) -> bool:
        """Whether the models state a table, or stated it before they lost it."""
        return self._is_stated(table) or table not in self.tables

    def _grants_that_stay(self, grants: list[Grant], stated: Schema, found: list[SchemaObject]) -> Iterator[Grant]:
        """Grants on what is there still, and on what is no object of a Schema."""
        if not grants:
            return
        known = self.before.by_key().keys()
        present = {*stated.by_key(), *map(key, found), *((Table.word, name) for name in self.tables)}
        for grant in grants:
            kinds = _TYPED.get(grant.target_word)
            names = {(word, grant.target) for word in ([kind.word for kind in kinds] if kinds else [grant.target_word])}
            if not names & known or names & present:
                yield grant


def _column(schema: Schema, table: str, identity: str) -> Column | None:
    return next((one for one in schema.on(table, Column) if one.identity == identity), None)


def _is_unsaid(item: SchemaObject, name: str) -> bool:
    """Whether a field stands at its default, and is one that models leave there."""
    unsaid = _UNSAID.get(type(item), _UNSAID_OF_OTHERS)
    return name in unsaid and getattr(item, name) == _default(type(item), name)


@cache
def _default(kind: type, name: str) -> object:
    found = next(item.default for item in fields(kind) if item.name == name)
    return None if found is MISSING else found


def _without_storage(item: Index | Constraint) -> str:
    return _WITH.sub("", item.definition)


def _base(type_name: str) -> str:
    """A type's name without its array brackets."""
    while type_name.endswith("[]"):
        type_name = type_name.removesuffix("[]")
    return type_name
