"""The part of a Schema that a few changes can reach: planning over the rest of a large one would only take time."""

from __future__ import annotations

from collections.abc import Iterable

from mcp_server.model.change import Changes, differing, sides
from mcp_server.model.schema import (
    Column,
    Constraint,
    Index,
    Policy,
    RewriteRule,
    Schema,
    Sequence,
    Statistics,
    Table,
    Trigger,
    View,
    group_of,
)

_ON_RELATIONS = (Table, Column, Constraint, Index, Policy, RewriteRule, Statistics, Trigger, View)


def around(before: Schema, after: Schema, changes: Changes) -> tuple[Schema, Schema]:
    """Both Schemas with the relations that are changed and all that can have to do with them.

    That is what refers to them or is referred to, parents and children, and whatever reads other relations: views,
    policies, rules. Types, functions and sequences of no table stay. Where such an object itself changes, so does the whole stay.
    """
    items = [item for change in changes for item in sides(change)]
    if not all(isinstance(item, (*_ON_RELATIONS, Sequence)) for item in items):
        return before, after
    wanted = {group_of(item) for item in items} | {_owner(item) for item in items if isinstance(item, Sequence)}
    other = differing(before, after)
    known = {*_connections(before, before.groups), *_connections(after, other)}
    for _ in range(2):  # the changed, their neighbours; and who refers to these, as a key of theirs may be made anew
        wanted |= {there for pair in known for here, there in (pair, pair[::-1]) if here in wanted}
    wanted |= {*_readers(before, before.groups), *_readers(after, other)}
    return _kept(before, wanted), _kept(after, wanted)


def _owner(sequence: Sequence) -> str:
    """The table of the column that a sequence belongs to."""
    return sequence.owned_by.rpartition(".")[0]


def _connections(schema: Schema, groups: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Pairs of relations that are joined by a foreign key, a partition or inheritance."""
    for name in groups:
        for item in schema.group(name) if "." in name else ():
            if isinstance(item, Constraint) and item.references:
                yield (name, item.references)
            elif isinstance(item, Table):
                yield from ((name, parent) for parent in (item.partition_of, *item.inherits) if parent)


def _readers(schema: Schema, groups: Iterable[str]) -> Iterable[str]:
    """Relations with something on them that reads others."""
    for name in groups:
        if "." in name and any(isinstance(item, View | Policy | RewriteRule) for item in schema.group(name)):
            yield name


def _kept(schema: Schema, wanted: set[str]) -> Schema:
    names = (name for name in schema.groups if "." not in name or name in wanted)
    groups = {name: schema.group(name) for name in names}
    if Sequence.word in groups:
        own = schema.all(Sequence)
        groups[Sequence.word] = tuple(one for one in own if not one.owned_by or _owner(one) in wanted)
    return Schema(groups, schema.server_version)
