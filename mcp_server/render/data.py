"""A Schema as JSON-able data: the names of model/schema.py, defaults left out.

    {"server_version": 180004, "source": "live",
     "tables": [{"schema": "public", "name": "task", ...fields of Table,
                 "columns": [{"name": "id", "type": "bigint", "nullable": false, ...fields of Column}],
                 "constraints": [...], "indexes": [...], "triggers": [...], "policies": [...], "rules": [...],
                 "statistics": [...], "grants": [...], "partitions": ["public.task_2026"], "usage": {...}}],
     "views": [{..., "columns": [...], "indexes": [...]}],
     "enums": [...], "domains": [...], "functions": [...], ...one list for each other kind}

A field that has the default of its class in model/schema.py is left out; so are a constraint's `definition` where the other
fields say the same, an index's (its `keys` and the rest say it), and the index behind a plain constraint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any

from mcp_server.model.facts import Facts
from mcp_server.model.schema import (
    Column,
    Constraint,
    Grant,
    Index,
    Policy,
    RewriteRule,
    SchemaObject,
    Statistics,
    Table,
    Trigger,
    View,
)

Data = dict[str, Any]
_HANGING: tuple[tuple[str, type], ...] = (
    ("columns", Column), ("constraints", Constraint), ("indexes", Index), ("triggers", Trigger), ("policies", Policy),
    ("rules", RewriteRule), ("statistics", Statistics), ("grants", Grant),
)  # fmt: skip
_PLACE = frozenset({"table", "position", "target_word"})
_PLURAL = {"index": "indexes", "policy": "policies", "statistics": "statistics"}


def schema_data(facts: Facts, source: str, chosen: Iterable[SchemaObject] | None = None) -> Data:
    """A Schema, or the chosen objects of it, as data."""
    data: Data = {"server_version": facts.schema.server_version, "source": source}
    items = chosen if chosen is not None else (item for item in facts.schema if not _hangs(facts, item))
    for item in items:
        word = "views" if isinstance(item, View) else _plural(item.word)
        data.setdefault(word, []).append(_item(item, facts))
    return data


def _hangs(facts: Facts, item: SchemaObject) -> bool:
    """Whether an object is said within its table."""
    if isinstance(item, Grant):
        return item.target_word in ("table", "column")
    return isinstance(item, Column | Constraint | Index | Trigger | Policy | RewriteRule | Statistics)


def _plural(word: str) -> str:
    return _PLURAL.get(word, f"{word}s").replace(" ", "_")


def _item(item: SchemaObject, facts: Facts) -> Data:
    data = plain(item)
    if not isinstance(item, Table | View):
        return data
    for label, kind in _HANGING:
        parts: tuple[SchemaObject, ...] = facts.schema.on(item.identity, kind)
        found = [_part(part) for part in parts if not _is_said(part)]
        if found:
            data[label] = found
    partitions = [part.identity for part in facts.partitions.get(item.identity, ())]
    usage = facts.usage_of(item)
    return data | ({"partitions": partitions} if partitions else {}) | ({"usage": plain(usage)} if usage else {})


def _is_said(part: SchemaObject) -> bool:
    """Whether an index is no more than the constraint that it carries."""
    if not isinstance(part, Index) or not part.constraint or not part.valid:
        return False
    return not (part.include or part.options or part.clustered or part.tablespace or part.comment or part.parent)


def _part(part: SchemaObject) -> Data:
    data = plain(part, _PLACE)
    if isinstance(part, Index) or (isinstance(part, Constraint) and part.kind != "x"):
        del data["definition"]
    if isinstance(part, Index):
        del data["columns"], data["schema"]
    if isinstance(part, Grant) and part.target_word == "table":
        del data["target"]
    return data


def plain(item: Any, without: frozenset[str] = frozenset()) -> Data:
    """The fields of a frozen value that do not have their default, as JSON-able data."""
    found: Data = {}
    kind: type = type(item)
    for name, default in _defaults(kind):
        value = getattr(item, name)
        if name not in without and (default is MISSING or value != default):
            found[name] = _value(value)
    return found


def _value(value: object) -> object:
    if isinstance(value, tuple | list):
        return [_value(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _value(one) for key, one in value.items()}
    return plain(value) if is_dataclass(value) else value


@cache
def _defaults(kind: type) -> tuple[tuple[str, object], ...]:
    return tuple((item.name, () if item.default_factory is not MISSING else item.default) for item in fields(kind))
