"""The indexes of a designed class, each with the reason why it is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mcp_server.model.design import DesignedIndex
from mcp_server.model.names import object_name, split
from mcp_server.model.naming import is_creation, is_moment, is_state
from mcp_server.model.schema import Constraint, Index, Schema
from mcp_server.model.spec import NOWHERE, StatedIndex, index_name
from mcp_server.model.spec_table import SpecTable
from mcp_server.planning.design_names import singular
from mcp_server.planning.design_settle import Settled


def indexes_of(table: SpecTable, identity: str, settled: Settled, schema: Schema) -> Iterator[DesignedIndex]:
    """Every index of a table that carries no constraint, in the order of the spec."""
    added = {
        one.column
        for one in settled.decisions
        if one.topic == "index" and one.table == table.name and one.taken.startswith("added")
    }
    stated = {index_name(one, split(identity)[-1]): one for one in table.indexes}
    found = [one for one in schema.on(identity, Index) if not one.constraint]
    order = {name: number for number, name in enumerate(stated)}
    for index in sorted(found, key=lambda one: (order.get(one.name, len(order)), one.name)):
        origin = stated.get(index.name)
        is_added = index.columns[0] in added and len(index.columns) == 1
        named = index if origin and origin.name else replace(index, name=_named(index, split(identity)[-1]))
        reason = reason_of(index, schema)
        yield DesignedIndex(_worded(named, origin), reason, not is_added, origin.place if origin else NOWHERE)


def _worded(index: Index, origin: StatedIndex | None) -> Index:
    """The index with its expressions and its predicate in the spec's own words."""
    if origin is None or len(origin.keys) != len(index.keys):
        return index
    pairs = zip(index.columns, index.keys, origin.keys, strict=True)
    keys = tuple(key if name else re.sub(r"\A\((\w+\([\w, ]+\))\)\Z", r"\1", stated) for name, key, stated in pairs)
    return replace(index, keys=keys, predicate=origin.predicate if index.predicate else "")


def _named(index: Index, table: str) -> str:
    """The name of an index that the spec does not name: `ix_tasks_user_id`, `uq_tags_name`; as long as Postgres takes."""
    words = [
        name or "_".join(re.findall(r"\w+", key))[:30] for name, key in zip(index.columns, index.keys, strict=True)
    ]
    return object_name(f"{'uq' if index.unique else 'ix'}_{table}", "_".join(words), "")[:63].rstrip("_")


def reason_of(index: Index, schema: Schema) -> str:
    """Why an index is there, as far as its form tells."""
    keys = {
        one.columns[0]: one for one in schema.on(index.table, Constraint) if one.kind == "f" and len(one.columns) == 1
    }
    columns = [name for name in index.columns if name]
    only = f", only rows where {_bare(index.predicate)}" if index.predicate else ""
    if index.unique:
        listed = " and ".join(_shown(name, key) for name, key in zip(index.columns, index.keys, strict=True))
        return f"no two rows have the same {listed}{only}"
    if index.method == "gin":
        return f"searches within {', '.join(columns) or index.keys[0]}{only}"
    first, rest = index.columns[0], index.columns[1:]
    led = keys.get(first)
    begins = (
        f"the rows of one {singular(split(led.references)[-1])}" if led else f"rows by {_shown(first, index.keys[0])}"
    )
    if led and not rest:
        return f"{begins}, and deletes there{only}"
    if not rest:
        return f"{begins}{_use(first)}{only}"
    last = rest[-1]
    ordered = f", in the order of {last}" if last and (is_moment(last) or is_creation(last)) else ""
    narrowed = [_shown(name, key) for name, key in zip(rest, index.keys[1:], strict=True)][: -1 if ordered else None]
    return f"{begins}{' by ' + ' and '.join(narrowed) if narrowed else ''}{ordered}{only}"


def _use(name: str) -> str:
    if is_moment(name) or is_creation(name):
        return ": ranges and order in time"
    return ": lists of one state" if is_state(name) else ""


def _shown(name: str, key: str) -> str:
    return name or _bare(key)


def _bare(sql: str) -> str:
    """SQL without the parentheses and casts that Postgres puts around it."""
    text = re.sub(r"::(?:text|character varying|bpchar)(?:\(\d+\))?(?:\[\])?", "", sql)
    while text.startswith("(") and text.endswith(")") and "(" not in text[1:-1]:
        text = text[1:-1]
    return re.sub(
        r"\((\w+)\)", lambda match: f"({match[1]})" if text[: match.start()][-1:].isalnum() else match[1], text
    )
