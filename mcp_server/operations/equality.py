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
    DefaultPrivilege,
    EventTrigger,
    Grant,
    Publication,
    Schema,
    SchemaObject,
    compared_fields,
)
from mcp_server.planning import plan
from mcp_server.world.rehearsal import copy_of

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
    if not any(is_wording(change) for change in changes):
        return changes
    old = (await replayed(workspace, before)).by_key()
    new = (await replayed(workspace, after)).by_key()
    return tuple(
        change for change in changes if not is_wording(change) or old.get(_key(change)) != new.get(_key(change))
    )


def is_wording(change: Change) -> bool:
    """Whether an object differs in deparsed texts only."""
    return isinstance(change, Altered) and set(change.fields) <= TEXTS


def _key(change: Change) -> tuple[str, str]:
    return (change.item.word, change.item.identity)


async def replayed(workspace: Workspace, schema: Schema) -> Schema:
    """The Schema as it reads after being made anew from its own texts; itself where that cannot be done."""
    items = (_as_it_stands(item) for item in schema if not isinstance(item, _WORDLESS))
    worded = Schema.of(items, schema.server_version)
    try:
        async with copy_of(workspace) as copy:
            start = await copy.read()
            await copy.run(step.sql for step in plan(start, worded, diff(start, worded)).upgrade)
            return await copy.read()
    except DatabaseError:
        return schema


def _as_it_stands(item: SchemaObject) -> SchemaObject:
    """The object with its texts so spaced that the plan does not recognise lists and write them as they once were."""
    texts = {name: getattr(item, name) for name in compared_fields(type(item)) if name in TEXTS}
    spaced = {name: text.replace(*_SPACED) for name, text in texts.items() if isinstance(text, str)}
    return replace(item, **spaced) if spaced else item  # type: ignore[type-var]
