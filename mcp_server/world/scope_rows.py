"""Rows that a session reaches without a statement: by their key, put over another, changed in bulk."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_server.world import scope_bodies
from mcp_server.world.scope_values import UNKNOWN, Held

if TYPE_CHECKING:
    from mcp_server.world.scope_reading import Reading

SPREAD = "**"


def by_key(reading: Reading, node: ast.Call, verb: str) -> Held | None:
    """What `session.get`, `merge` and the bulk methods do; None for any other call."""
    if verb in ("get", "get_one"):
        entity, ident = _argument(node, 0, "entity"), _argument(node, 1, "ident")
        if entity is not None and ident is not None and reading.value(entity).kind == "class":
            return _fetched(reading, node, reading.value(entity).model, reading.value(ident))
    if verb == "merge" and len(node.args) == 1 and reading.value(node.args[0]).kind == "row":
        return _merged(reading, node, reading.value(node.args[0]))
    if verb in ("bulk_update_mappings", "bulk_insert_mappings") and len(node.args) > 1:
        return _in_bulk(reading, node, verb)
    return None


def _argument(node: ast.Call, number: int, name: str) -> ast.expr | None:
    named = next((word.value for word in node.keywords if word.arg == name), None)
    return node.args[number] if number < len(node.args) else named


def _fetched(reading: Reading, node: ast.Call, model: str, key: Held) -> Held:
    """`session.get(Task, id)`: open until the row's owner is compared."""
    row = Held("row", "row", model)
    if not reading.classes.is_owned(model):
        return row
    if reading.origin(key) == "row" or (reading.origin(key) == "trusted" and not key.key):
        reading.findings.kept.add(reading.span(node))
        return replace(row, pending=key.pending)
    if (model, key.key) in reading.findings.tied:
        return replace(row, pending=reading.findings.tied[model, key.key])
    access = reading.report("unscoped", "select", model, node, "by its id alone")
    pending = reading.wait(access, key.pending)
    if key.key:
        reading.findings.tie(model, key.key, pending)
    return replace(row, pending=pending)


def _merged(reading: Reading, node: ast.Call, row: Held) -> Held:
    """`session.merge(Task(id=id, ...))`: whatever row has that key is written over, unless it was compared before."""
    one = reading.classes.get(row.model)
    is_keyed = one is not None and bool({"id", f"{one.table.rpartition('.')[2]}_id", SPREAD} & set(row.names))
    if is_keyed and reading.classes.is_owned(row.model) and (row.model, row.key) not in reading.findings.tied:
        reading.fault("unscoped", "update", row.model, node, "merged over the row with that key")
    return replace(row, names=())


def _in_bulk(reading: Reading, node: ast.Call, verb: str) -> Held:
    """`session.bulk_update_mappings(Task, [...])`: rows by the keys in the mappings."""
    entity, given = reading.value(node.args[0]), reading.value(node.args[1])
    if entity.kind == "class" and verb == "bulk_insert_mappings":
        scope_bodies.check_body(reading, node, entity.model, given, "insert")
    elif entity.kind == "class" and reading.classes.is_owned(entity.model):
        reading.fault("unscoped", "update", entity.model, node, "by the keys in the mappings")
    return UNKNOWN
