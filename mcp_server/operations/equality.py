"""What differs between two Schemas in substance: wording alone does not count.

Postgres deparses what it stored, and that text, carried out, may be deparsed to another text once (an `IN` list on a
varchar column). Two objects that differ in such texts only are both replayed before it counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError
from mcp_server.model.change import Altered, Change, Changes, diff
from mcp_server.model.schema import (
    Column,
    Constraint,
    DefaultPrivilege,
    EventTrigger,
    Grant,
    Index,
    Publication,
    Schema,
    SchemaObject,
    Sequence,
    Table,
    compared_fields,
    group_of,
)
from mcp_server.planning import plan
from mcp_server.world.database import together
from mcp_server.world.rehearsal import copy_of, run_foreign

if TYPE_CHECKING:
    from mcp_server.world.workspace import Workspace

TEXTS = frozenset(
    {"definition", "expression", "default", "generated", "keys", "predicate", "using", "check", "constraints"}
)
_SPACED = (" ((ARRAY[", " ( (ARRAY[")  # see model/deparsed.py
_WORDLESS = (Grant, DefaultPrivilege, Publication, EventTrigger)


async def differences(workspace: Workspace, before: Schema, after: Schema) -> Changes:
    """The changes from one Schema to another, without those that a replay of both makes disappear."""
    changes = diff(before, after)
    wordings = tuple(change for change in changes if is_wording(change))
    if not wordings:
        return changes
    old, new = await _both_replayed(workspace, before, after, wordings)
    return tuple(
        change for change in changes if not is_wording(change) or old.get(_key(change)) != new.get(_key(change))
    )


async def _both_replayed(
    workspace: Workspace, before: Schema, after: Schema, wordings: Changes
) -> tuple[dict[tuple[str, str], SchemaObject], dict[tuple[str, str], SchemaObject]]:
    """What the changed objects of both read as after being made anew: with their tables alone where these can be made alone."""
    tables = tables_alone(before, after, wordings)
    if tables:
        old, new = await together(
            _replayed(workspace, table_part(before, tables)), _replayed(workspace, table_part(after, tables))
        )
        if old is not None and new is not None:
            return old.by_key(), new.by_key()
    whole = await together(replayed(workspace, before), replayed(workspace, after))
    return whole[0].by_key(), whole[1].by_key()


def tables_alone(before: Schema, after: Schema, wordings: Changes) -> frozenset[str]:
    """The tables that these changes are on, with all that they inherit from; empty when something else is changed, too."""
    if not all(_is_part_of_table(change.item) for change in wordings):
        return frozenset()
    found: set[str] = set()
    waiting = {group_of(change.item) for change in wordings}
    while waiting:
        found |= waiting
        tables = [one for name in waiting for schema in (before, after) if (one := schema.get(Table, name))]
        waiting = {name for one in tables for name in (one.partition_of, *one.inherits) if name} - found
    return frozenset(found)


def _is_part_of_table(item: SchemaObject) -> bool:
    return isinstance(item, Column | Index) or (isinstance(item, Constraint) and item.kind != "f")


def table_part(schema: Schema, tables: frozenset[str]) -> Schema:
    """What the texts of some tables' columns, constraints and indexes can speak of; no other table, and nothing that reads one."""
    objects = [item for name in schema.groups if "." not in name for item in schema.group(name)]
    owners = tuple(f"{name}." for name in tables)
    kept = [
        one for one in objects if not isinstance(one, Sequence) or not one.owned_by or one.owned_by.startswith(owners)
    ]
    on = [
        item
        for name in sorted(tables)
        for item in schema.group(name)
        if isinstance(item, Table) or _is_part_of_table(item)
    ]
    return Schema.of([*kept, *on], schema.server_version)


def is_wording(change: Change) -> bool:
    """Whether an object differs in deparsed texts only."""
    return isinstance(change, Altered) and set(change.fields) <= TEXTS


def _key(change: Change) -> tuple[str, str]:
    return (change.item.word, change.item.identity)


async def replayed(workspace: Workspace, schema: Schema) -> Schema:
    """The Schema as it reads after being made anew from its own texts; itself where that cannot be done.

    They may be a live database's, so they run as a role that owns the copy and nothing else.
    """
    made = await _replayed(workspace, schema)
    return schema if made is None else made


async def _replayed(workspace: Workspace, schema: Schema) -> Schema | None:
    items = (_as_it_stands(item) for item in schema if not isinstance(item, _WORDLESS))
    worded = Schema.of(items, schema.server_version)
    try:
        async with copy_of(workspace) as copy:
            start = await copy.read()
            await run_foreign(copy, [step.sql for step in plan(start, worded, diff(start, worded)).upgrade])
            return await copy.read()
    except DatabaseError:
        return None


def _as_it_stands(item: SchemaObject) -> SchemaObject:
    """The object with its texts so spaced that the plan does not recognise lists and write them as they once were."""
    texts = {name: getattr(item, name) for name in compared_fields(type(item)) if name in TEXTS}
    spaced = {name: text.replace(*_SPACED) for name, text in texts.items() if isinstance(text, str)}
    return replace(item, **spaced) if spaced else item  # type: ignore[type-var]
