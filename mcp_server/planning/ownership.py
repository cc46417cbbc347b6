"""How each table reaches its owner: by a column of its own, or by foreign keys that lead to one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mcp_server.model.facts import primary_key, serves
from mcp_server.model.isolation import Owned, Ownership, plain
from mcp_server.model.schema import Column, Constraint, Index, Schema, Table

LIKE_OWNER = re.compile(r"(?:^|_)(?:user|owner|member|account|customer|tenant|author|creator)_?id$", re.IGNORECASE)
USERS = re.compile(r"(?:auth_)?users?|accounts?", re.IGNORECASE)


def ownership(
    schema: Schema,
    owners: Iterable[str],
    shared: Iterable[str] = (),
    external: Iterable[str] = (),
    *,
    has_foreign_users: bool = False,
) -> Ownership:
    """Work out whose the rows of each table are.

    owners: names of the owner's column, in any spelling. shared, external: identities of tables that are everybody's, or
    that others own. has_foreign_users: the users' table is one of those, in the Schema or not.
    """
    names = tuple(owners)
    tables = [one for one in schema.all(Table) if not one.partition_of and one.persistence != "temporary"]
    aside = {*shared, *external}
    own = {
        table.identity: column
        for table in tables
        if table.identity not in aside and (column := owner_column(schema, table.identity, names)) is not None
    }
    user = _user_table(schema, own, external)
    found = [Owned(table, "direct", column.name, column.type) for table, column in own.items() if table != user]
    if user and user not in aside:
        key = _key_column(schema, user)
        found += [Owned(user, "user", key.name, key.type)] if key else []
    waiting = [one.identity for one in tables if one.identity not in {*aside, *(each.table for each in found), user}]
    reached, ambiguous = _reached(schema, found, waiting, user)
    found += reached
    is_foreign = user in external if user else has_foreign_users
    return Ownership(
        schema, names, user, is_foreign, _ordered(schema, found), tuple(sorted(shared)), tuple(sorted(external)),
        tuple(sorted({*waiting} - {one.table for one in reached})), ambiguous,
    )  # fmt: skip


def owner_column(schema: Schema, table: str, owners: Iterable[str]) -> Column | None:
    """The column of a table that says whose its rows are, None without one."""
    wanted = [plain(one) for one in owners]
    columns = {plain(one.name): one for one in schema.on(table, Column)}
    return next((columns[one] for one in wanted if one in columns), None)


def likely_owners(schema: Schema) -> tuple[tuple[str, int], ...]:
    """Names of columns that look like an owner's, with how many tables have them, the most frequent first."""
    names = [one.name for table in schema.all(Table) for one in schema.on(table.identity, Column)]
    counts = {name: names.count(name) for name in dict.fromkeys(names) if LIKE_OWNER.search(name)}
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _user_table(schema: Schema, own: dict[str, Column], external: Iterable[str]) -> str:
    """What most owner's columns refer to; else the one table that is called after users."""
    targets = [
        key.references
        for table, column in own.items()
        for key in schema.on(table, Constraint)
        if key.kind == "f" and key.columns == (column.name,) and key.references != table
    ]
    if targets:
        return max(sorted(set(targets)), key=targets.count)
    named = [one.identity for one in schema.all(Table) if USERS.fullmatch(one.name) and one.identity not in own]
    return next((one for one in named if one in {*external}), named[0] if len(named) == 1 else "")


def _key_column(schema: Schema, table: str) -> Column | None:
    key = primary_key(schema, table)
    return next((one for one in schema.on(table, Column) if key == (one.name,)), None)


def _reached(
    schema: Schema, found: list[Owned], waiting: list[str], user: str
) -> tuple[list[Owned], tuple[tuple[str, tuple[str, ...]], ...]]:
    """The tables that lead to owned ones, nearest first, each by its best foreign key."""
    known = {one.table: one for one in found}
    goals = {*known, *([user] if user else [])}
    reached: list[Owned] = []
    ambiguous: list[tuple[str, tuple[str, ...]]] = []
    left = list(waiting)
    while left:
        step: list[Owned] = []
        for table in left:
            keys = [key for key in _keys(schema, table) if key.references in goals and key.references != table]
            if keys:
                best = min(keys, key=lambda key: _rank(schema, key))
                step.append(_by(schema, table, best, known.get(best.references), user))
                to_users = tuple(one.name for one in keys if one.references == user)
                if len(to_users) > 1 and best.references == user:
                    ambiguous.append((table, to_users))
        if not step:
            break
        reached += step
        known |= {one.table: one for one in step}
        goals |= {one.table for one in step}
        left = [one for one in left if one not in goals]
    return reached, tuple(ambiguous)


def _by(schema: Schema, table: str, key: Constraint, parent: Owned | None, user: str) -> Owned:
    """A table by one of its foreign keys: a key to the users' table is an owner's column by another name."""
    if key.references == user and len(key.columns) == 1:
        column = next(one for one in schema.on(table, Column) if one.name == key.columns[0])
        return Owned(table, "direct", column.name, column.type)
    assert parent is not None
    return Owned(table, "reached", parent.column, parent.type, (key, *parent.path))


def _rank(schema: Schema, key: Constraint) -> tuple[bool, bool, str]:
    """Keys that every row has come first, then those with an index."""
    nullable = any(one.nullable for one in schema.on(key.table, Column) if one.name in key.columns)
    return nullable, not is_indexed(schema, key.table, key.columns), key.name


def is_indexed(schema: Schema, table: str, columns: tuple[str, ...]) -> bool:
    """Whether an index finds the rows with given values in these columns."""
    return any(serves(index, columns) for index in schema.on(table, Index))


def _keys(schema: Schema, table: str) -> Iterator[Constraint]:
    return (key for key in schema.on(table, Constraint) if key.kind == "f" and not key.inherited)


def _ordered(schema: Schema, found: list[Owned]) -> tuple[Owned, ...]:
    """Parents before children, as far as foreign keys go in no circle."""
    waiting = {one.table: one for one in sorted(found, key=lambda one: (one.kind != "user", len(one.path), one.table))}
    ordered: list[Owned] = []
    while waiting:
        ready = [
            name for name in waiting
            if not {key.references for key in _keys(schema, name)} & waiting.keys() - {name}
        ] or [next(iter(waiting))]  # fmt: skip
        ordered += [waiting.pop(name) for name in ready]
    return tuple(ordered)


def crossings(owned: Ownership, table: Owned) -> tuple[Constraint, ...]:
    """Foreign keys by which a row may hang on another user's row: to owned tables, beside the way to its own owner.

    A key that takes the owner's column along cannot cross.
    """
    if table.kind == "user":
        return ()
    goals = {one.table for one in owned.owned if one.kind != "user"}
    first = table.path[:1]
    return tuple(
        key
        for key in _keys(owned.schema, table.table)
        if key.references in goals and key not in first and not set(table.columns) & set(key.columns)
    )
