"""Row security for what users own: one policy a table, in the form that runs once a statement and fails closed.

The user's id is read in a scalar subquery, which Postgres evaluates once, and an id that was never set or was reset reads
as NULL, so that no row fits. https://www.postgresql.org/docs/current/ddl-rowsecurity.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mcp_server.model.isolation import Owned, Ownership
from mcp_server.model.names import literal, object_name, quote, split
from mcp_server.model.schema import Column, Constraint, Policy, Schema, Table
from mcp_server.planning.ownership import crossings, is_indexed

NAME = "owner_only"
SETTING = "app.user_id"
TIMEOUT = "set lock_timeout = '3s'"


@dataclass(frozen=True, slots=True)
class Guarding:
    """The way to row security. indexes: statements of their own, outside of any transaction. tables: a transaction each.

    undo: what takes the policies back. left: what no policy of ours closes, a sentence each. replaced: policies that go.
    """

    indexes: tuple[str, ...]
    tables: tuple[tuple[str, ...], ...]
    undo: tuple[str, ...]
    left: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[str, ...]:
        """All of them in order, for an empty copy, where nobody waits."""
        plain = tuple(sql.replace("create index concurrently", "create index") for sql in self.indexes)
        return plain + tuple(sql for table in self.tables for sql in table)


def user_id(type_name: str, setting: str = SETTING) -> str:
    """The id of the user of this transaction, as SQL."""
    text = f"nullif(current_setting({literal(setting)}, true), '')"
    return f"(select {text if type_name == 'text' else f'{text}::{type_name}'})"


def guarding(owned: Ownership, setting: str = SETTING) -> Guarding:
    """Policies for every table that users own, with the indexes that they need. Policies that stand there are replaced."""
    indexes: list[str] = []
    tables: list[tuple[str, ...]] = []
    undo: list[str] = []
    left: list[str] = []
    replaced: list[str] = []
    for one in owned.owned:
        if not is_indexed(owned.schema, one.table, one.columns):
            indexes.append(_index(one))
        for name in (one.table, *owned.parts(one.table)):
            old = owned.schema.on(name, Policy)
            replaced += [each.identity for each in old]
            tables.append(tuple(_guard(owned, one, name, old, setting)))
            undo += _open(name)
        left += _left(owned, one)
    return Guarding(tuple(indexes), tuple(tables), tuple(undo), tuple(left), tuple(replaced))


def _index(one: Owned) -> str:
    name = object_name(split(one.table)[-1], "_".join(one.columns), "idx")
    return f"create index concurrently {quote(name)} on {one.table} ({', '.join(map(quote, one.columns))})"


def _guard(owned: Ownership, one: Owned, name: str, old: tuple[Policy, ...], setting: str) -> Iterator[str]:
    mine = own_rows(owned.schema, one, setting)
    yield from (f"drop policy {quote(each.name)} on {name}" for each in old)
    checked = " and ".join((mine, *_references(owned, one, setting)))
    yield f"create policy {NAME} on {name} using ({mine}) with check ({checked})"
    yield f"alter table {name} enable row level security"
    yield f"alter table {name} force row level security"


def _open(name: str) -> tuple[str, ...]:
    return (
        f"alter table {name} no force row level security",
        f"alter table {name} disable row level security",
        f"drop policy {NAME} on {name}",
    )


def own_rows(schema: Schema, one: Owned, setting: str = SETTING) -> str:
    """The condition that a row is the user's, as SQL on the table itself."""
    if not one.path:
        return f"{quote(one.column)} = {user_id(one.type, setting)}"
    key, *rest = one.path
    parent = Owned(key.references, "reached" if rest else "direct", one.column, one.type, tuple(rest))
    return _among(key, own_rows(schema, parent, setting))


def _among(key: Constraint, condition: str) -> str:
    mine, theirs = (", ".join(map(quote, names)) for names in (key.columns, key.referenced_columns))
    mine = f"({mine})" if len(key.columns) > 1 else mine
    return f"{mine} in (select {theirs} from {key.references} where {condition})"


def _references(owned: Ownership, one: Owned, setting: str) -> Iterator[str]:
    """Foreign keys are checked past all policies: what a new row refers to must be the user's, too."""
    for key in crossings(owned, one):
        parent = owned.of(key.references)
        if parent is None or _is_circle(one, key, parent):
            continue
        inside = _among(key, own_rows(owned.schema, parent, setting))
        nullable = [
            each.name for each in owned.schema.on(one.table, Column) if each.nullable and each.name in key.columns
        ]
        yield f"({' or '.join([*(f'{quote(name)} is null' for name in nullable), inside])})" if nullable else inside


def _is_circle(one: Owned, key: Constraint, parent: Owned) -> bool:
    """Whether the policy of the parent would ask this table again, which Postgres refuses as infinite recursion."""
    return one.table == key.references or one.table in (step.references for step in parent.path)


def _left(owned: Ownership, one: Owned) -> Iterator[str]:
    if one.kind == "user":
        yield (
            f"{one.table}: signing up and signing in ask it before the user is known, and would find nothing. Let them do "
            "that by a role or a function of their own, or declare the table shared, and it stays open to all."
        )
    for key in crossings(owned, one):
        parent = owned.of(key.references)
        if parent is not None and _is_circle(one, key, parent):
            yield (
                f"{key.identity} may lead to another user's row: a policy cannot ask its own table. "
                f"Let the key take the owner along: foreign key ({', '.join((*key.columns, *one.columns))})."
            )
    table = owned.schema.get(Table, one.table)
    if table is not None and table.kind == "foreign":
        yield f"{one.table} is a foreign table: row security does not exist for it."
