"""What a database in use holds that is not the project's: what neither the goal nor the history knows is somebody else's, and stays."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.names import quote, split
from mcp_server.model.schema import (
    Composite,
    DefaultPrivilege,
    Domain,
    Enum,
    EventTrigger,
    Extension,
    Function,
    Grant,
    Namespace,
    Publication,
    Range,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    View,
    group_of,
)
from mcp_server.planning.units import key

_ALONE = (
    Namespace, Extension, Enum, Domain, Composite, Range, Sequence, Function, EventTrigger, Publication, DefaultPrivilege,
)  # fmt: skip
_RELATIONS = (Table, View)


def strangers(before: Schema, goal: Schema, history: Schema) -> tuple[SchemaObject, ...]:
    """The relations and other objects that only `before` has. A sequence goes with the table that it belongs to."""
    known = goal.by_key().keys() | history.by_key().keys()
    named = {identity for word, identity in known if word in (Table.word, View.word)}
    return tuple(
        item
        for item in before
        if isinstance(item, (*_RELATIONS, *_ALONE))
        and key(item) not in known
        and not (isinstance(item, Sequence) and _table_of(item) in named)
    )


def followers(items: Iterable[SchemaObject]) -> tuple[str, ...]:
    """The partitions and inheriting tables among them: Postgres hands them what their parents get and lose."""
    return tuple(one.identity for one in items if isinstance(one, Table) and (one.partition_of or one.inherits))


def with_strangers(goal: Schema, before: Schema, items: Iterable[SchemaObject]) -> Schema:
    """The goal, and some objects of `before` with all that hangs on them and belongs to them."""
    staying = {key(one): one for one in items}
    relations = {one.identity for one in staying.values() if isinstance(one, _RELATIONS)}
    found = goal.by_key()
    for item in before:
        on = group_of(item) in relations or (isinstance(item, Sequence) and _table_of(item) in relations)
        granted = isinstance(item, Grant) and any(one.identity == item.target for one in staying.values())
        if on or granted or key(item) in staying:
            found[key(item)] = item
    return Schema.of(found.values(), goal.server_version)


def is_called(item: SchemaObject, name: str) -> bool:
    """Whether somebody means an object by a name: its identity, without `public.` and a function's parameters if they like."""
    whole = item.identity.partition("(")[0]
    return name.strip() in (item.identity, whole, whole.removeprefix("public."), item.identity.removeprefix("public."))


def _table_of(sequence: Sequence) -> str:
    return ".".join(quote(part) for part in split(sequence.owned_by)[:2])
