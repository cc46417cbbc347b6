"""What is the same but for its name: renames that were asked for, that are safe unasked, and that only look like one.

A rename keeps the rows. One of a table or column is carried out when the caller says so and never guessed; an index,
a constraint or a column's sequence that is the same but for its name is renamed unasked, as nothing is at stake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from typing import TypeVar, cast

from mcp_server.model.change import Renamed, differing
from mcp_server.model.names import quote, split
from mcp_server.model.plan import Step
from mcp_server.model.schema import (
    Column,
    Constraint,
    Domain,
    Enum,
    Index,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    compared_fields,
)
from mcp_server.planning.draft import ACCESS_EXCLUSIVE, SHARE_UPDATE_EXCLUSIVE

Renamable = Table | Column | Enum | Domain | Index | Constraint | Sequence
Item = TypeVar("Item", bound=Renamable)
_NAMED = (Table, Column, Enum, Domain, Index, Constraint, Sequence)
_ALIKE_TABLES = 0.7
# How Postgres ends the names that it gives, and how much of a table's name is left in the longest of them.
_ENDINGS = {"p": "pkey", "u": "key", "f": "fkey", "c": "check", "x": "excl"}
_SURELY_KEPT = 28
_BREAKS = "code that still uses the old name fails from then on"


def find_named(schema: Schema, words: str) -> tuple[Renamable, ...]:
    """What a caller may mean: `task`, `public.task`, `task.title`, `public.task.title`, also types and indexes.

    Names without a schema are looked for in `public` first, then in all. Several when the words are ambiguous.
    """
    parts = split(words.strip())
    named = [item for item in schema if isinstance(item, _NAMED)]
    for full in (parts, ("public", *parts)):
        exact = tuple(item for item in named if split(item.identity) == full)
        if exact:
            return _weightiest(exact)
    return _weightiest(item for item in named if split(item.identity)[-len(parts) :] == parts)


def _weightiest(found: Iterable[Renamable]) -> tuple[Renamable, ...]:
    """Those of the first kind that is there: a constraint shares its name with its index, a table is meant before both."""
    items = tuple(found)
    return next((same for kind in _NAMED if (same := tuple(one for one in items if isinstance(one, kind)))), ())


def under_name(item: Item, name: str) -> Item:
    """The object under another name."""
    return replace(item, name=name)


def on_table(item: Item, table: str) -> Item:
    """The object as it is named once its table has another identity."""
    return replace(item, table=table) if isinstance(item, Column | Constraint | Index) else item


def rename_step(change: Renamed) -> Step:
    """The statement that carries out a rename."""
    old, new = change.before, quote(getattr(change.item, "name", ""))
    match old:
        case Column() | Constraint():
            word = "COLUMN" if isinstance(old, Column) else "CONSTRAINT"
            sql = f"ALTER TABLE {old.table} RENAME {word} {quote(old.name)} TO {new}"
        case Enum():
            sql = f"ALTER TYPE {old.identity} RENAME TO {new}"
        case _:
            sql = f"ALTER {old.word.upper()} {old.identity} RENAME TO {new}"
    lock = SHARE_UPDATE_EXCLUSIVE if isinstance(old, Index) else ACCESS_EXCLUSIVE
    why = _BREAKS if isinstance(old, Table | Column) else "only the name differs"
    return Step(sql, change, lock=lock, why=why)


def renamed_back(change: Renamed) -> Renamed:
    """The rename that takes one back, after all later ones were taken back."""
    return Renamed(change.item, change.before)


def same_but_for_name(before: Schema, after: Schema) -> tuple[Renamed, ...]:
    """Constraints, plain indexes and columns' sequences that only the name tells from one of the other Schema."""
    found: list[Renamed] = []
    for table in _unequal_tables(before, after):
        found += _matched(before.on(table.identity, Constraint), after.on(table.identity, Constraint), _of_constraint)
        found += _matched(before.on(table.identity, Index), after.on(table.identity, Index), _of_index)
    found += _matched(before.all(Sequence), after.all(Sequence), lambda one: one.owned_by or None)
    return tuple(found)


def _unequal_tables(before: Schema, after: Schema) -> Iterator[Table]:
    """The tables of the second Schema that are not in all what they are in the first."""
    groups = frozenset(differing(before, after))
    return (table for table in after.all(Table) if table.identity in groups)


def with_names_of(before: Schema, models: Schema) -> Schema:
    """The models' Schema, its constraints that nobody named under the names that the same ones have in `before`.

    A constraint without a name in the models gets one from Postgres where they are made alone, and from a naming
    convention of env.py, or from whoever wrote the revision, where a history makes it.
    """
    names = {(new.table, new.name): old.name for old, new in _constraints_alike(before, models)}
    tables = {table for table, _ in names}
    return models.with_groups(
        {table: tuple(_as_named(item, names) for item in models.group(table)) for table in tables}
    )


def _constraints_alike(before: Schema, models: Schema) -> Iterator[tuple[Constraint, Constraint]]:
    """What `before` has, and what of the models is the same under a name of Postgres's own."""
    for table in _unequal_tables(before, models):
        unnamed = tuple(one for one in models.on(table.identity, Constraint) if _is_named_by_postgres(one))
        stated = {one.identity for one in models.on(table.identity, Constraint)}
        free = tuple(one for one in before.on(table.identity, Constraint) if one.identity not in stated)
        for one in _matched(free, unnamed, _of_constraint):
            yield cast(Constraint, one.before), cast(Constraint, one.item)


def _is_named_by_postgres(one: Constraint) -> bool:
    """Source: ChooseConstraintName, https://github.com/postgres/postgres/blob/master/src/backend/catalog/pg_constraint.c"""
    ending = _ENDINGS.get(one.kind, "")
    start = split(one.table)[-1][:_SURELY_KEPT]
    return bool(ending) and one.name.startswith(start) and re.search(rf"_{ending}\d*$", one.name) is not None


def _as_named(item: SchemaObject, names: Mapping[tuple[str, str], str]) -> SchemaObject:
    name = names.get(
        (getattr(item, "table", ""), item.constraint if isinstance(item, Index) else getattr(item, "name", ""))
    )
    if name and isinstance(item, Constraint):
        return replace(item, name=name)
    if name and isinstance(item, Index) and item.constraint:
        definition = item.definition.replace(f" INDEX {quote(item.name)} ON ", f" INDEX {quote(name)} ON ", 1)
        return replace(item, name=name, constraint=name, definition=definition)
    return item


def _matched(before: Iterable[Item], after: Iterable[Item], signature: Callable[[Item], Hashable]) -> Iterator[Renamed]:
    old = {one.identity: one for one in before}
    new = {one.identity: one for one in after}
    waiting: dict[Hashable, list[Item]] = {}
    for identity, one in sorted(new.items()):
        if identity not in old and (mark := signature(one)) is not None:
            waiting.setdefault(mark, []).append(one)
    for identity, one in sorted(old.items()):
        if identity not in new and waiting.get(mark := signature(one)):
            yield Renamed(one, under_name(one, waiting[mark].pop(0).name))


def _of_constraint(one: Constraint) -> Hashable:
    if one.kind == "n" or one.inherited:
        return None
    return tuple(getattr(one, name) for name in compared_fields(Constraint) if name not in ("name", "comment"))


def _of_index(one: Index) -> Hashable:
    if one.constraint or one.parent:
        return None
    return (one.schema, one.method, one.keys, one.include, one.unique, one.nulls_not_distinct, one.predicate)


def likely(before: Schema, after: Schema) -> dict[str, str]:
    """Drops and adds that look like renames, as the caller would have to say them: {"public.task.title": "name"}."""
    found = {old.identity: new.name for old, new in _likely_tables(before, after)}
    for table in _unequal_tables(before, after):
        if before.get(Table, table.identity) is not None:
            found.update(_likely_columns(before.on(table.identity, Column), after.on(table.identity, Column)))
    return found


def _likely_tables(before: Schema, after: Schema) -> Iterator[tuple[Table, Table]]:
    gone = [one for one in before.all(Table) if after.get(Table, one.identity) is None]
    come = [one for one in after.all(Table) if before.get(Table, one.identity) is None]
    for old in gone:
        near = {_overlap(_shape(before, old), _shape(after, new)): new for new in come if new.schema == old.schema}
        if near and max(near) >= _ALIKE_TABLES:
            come.remove(near[max(near)])
            yield old, near[max(near)]


def _shape(schema: Schema, table: Table) -> frozenset[tuple[str, str]]:
    return frozenset((one.name, one.type) for one in schema.on(table.identity, Column))


def _overlap(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _likely_columns(before: tuple[Column, ...], after: tuple[Column, ...]) -> dict[str, str]:
    old_names, new_names = {one.name for one in before}, {one.name for one in after}
    gone = [one for one in before if one.name not in new_names]
    come = [one for one in after if one.name not in old_names]
    pairs = [(old, new) for old in gone for new in come if (old.type, old.nullable) == (new.type, new.nullable)]
    pairs.sort(key=lambda pair: _distance(*pair))
    found: dict[str, str] = {}
    for old, new in pairs:
        if old.identity not in found and new.name not in found.values():
            found[old.identity] = new.name
    return found


def _distance(old: Column, new: Column) -> tuple[float, int]:
    alike = SequenceMatcher(None, old.name, new.name).ratio()
    return (-round(alike, 1), abs(old.position - new.position))
