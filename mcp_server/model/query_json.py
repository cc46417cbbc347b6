"""EXPLAIN (FORMAT JSON) -> QueryPlan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from mcp_server.model.charges import own_costs, own_parts
from mcp_server.model.query import (
    Actual,
    Buffers,
    Condition,
    Jit,
    PlanNode,
    QueryPlan,
    Scalar,
    Trigger,
    WorkerRun,
)

Json = Mapping[str, Any]

_FIELDS = {
    "Node Type": "type",
    "Relation Name": "relation",
    "Schema": "schema",
    "Alias": "alias",
    "Index Name": "index",
    "Join Type": "join",
    "Operation": "operation",
    "Strategy": "strategy",
    "Partial Mode": "partial_mode",
    "Scan Direction": "direction",
    "Function Name": "function",
    "CTE Name": "cte",
    "Parent Relationship": "parent",
    "Subplan Name": "subplan",
    "Parallel Aware": "parallel",
    "Startup Cost": "startup_cost",
    "Total Cost": "total_cost",
    "Plan Rows": "expected_rows",
    "Plan Width": "width",
    "Workers Planned": "workers_planned",
    "Workers Launched": "workers_launched",
}
_BUFFERS = {
    "Shared Hit Blocks": "shared_hit",
    "Shared Read Blocks": "shared_read",
    "Shared Dirtied Blocks": "shared_dirtied",
    "Shared Written Blocks": "shared_written",
    "Local Hit Blocks": "local_hit",
    "Local Read Blocks": "local_read",
    "Local Dirtied Blocks": "",
    "Local Written Blocks": "",
    "Temp Read Blocks": "temp_read",
    "Temp Written Blocks": "temp_written",
}
# To 16 "I/O Read Time", from 17 "Shared I/O Read Time" and "Local I/O Read Time".
_IO_TIMES = tuple(f"{place}I/O {way} Time" for place in ("", "Shared ", "Local ", "Temp ") for way in ("Read", "Write"))
_ACTUAL = ("Actual Startup Time", "Actual Total Time", "Actual Rows", "Actual Loops")
_REMOVED = "Rows Removed by "
_CONDITIONS = frozenset(
    {
        "Filter",
        "Join Filter",
        "One-Time Filter",
        "Conflict Filter",
        "Order By",
        "Function Call",
        "Table Function Call",
    }
    | {
        "Sort Key",
        "Presorted Key",
        "Group Key",
        "Cache Key",
        "Hash Key",
        "Run Condition",
        "Window",
        "Repeatable Seed",
    }
    | {
        "Sampling Parameters",
        "Params Evaluated",
        "Grouping Sets",
        "Conflict Arbiter Indexes",
        "TID Cond",
        "Remote SQL",
    }
)
_HANDLED = frozenset((*_FIELDS, *_BUFFERS, *_IO_TIMES, *_ACTUAL, "Plans", "Output", "Workers", "Async Capable"))
# Nodes that read all of their input before the first row goes up.
_BLOCKING = frozenset({"Sort", "Hash", "ModifyTable", "BitmapAnd", "BitmapOr", "Bitmap Index Scan"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node stands: how many processes share it, and whether something above may stop asking."""

    processes: float = 1.0
    may_stop_early: bool = False
    numbers: count[int] = field(default_factory=lambda: count(1))


def read_plan(document: str | Sequence[Json], *, generic: bool = False) -> QueryPlan:
    """The plan of what EXPLAIN (FORMAT JSON) returned, as text or parsed. generic: made without parameter values.

    Raises ValueError when it is no such document, or one that is nested deeper than Python goes.
    """
    try:
        return _plan(json.loads(document) if isinstance(document, str) else document, generic)
    except RecursionError as error:
        raise ValueError("the plan is nested too deeply") from error


def _plan(parsed: object, generic: bool) -> QueryPlan:
    if not (isinstance(parsed, list | tuple) and parsed and isinstance(parsed[0], Mapping) and "Plan" in parsed[0]):
        raise ValueError("not an EXPLAIN (FORMAT JSON) document of a statement with a plan")
    top: Json = parsed[0]
    planning: Json = top.get("Planning", {})
    memory = planning.get("Memory Used")
    return QueryPlan(
        root=_with_own_parts(_node(top["Plan"], _Place())),
        planning_ms=top.get("Planning Time"),
        execution_ms=top.get("Execution Time"),
        planning_memory_kb=int(memory) if memory is not None else None,
        planning_buffers=_buffers(planning),
        triggers=tuple(_trigger(trigger) for trigger in top.get("Triggers", ())),
        jit=_jit(top.get("JIT")),
        settings=tuple(
            (name, str(value))
            for name, value in top.get("Settings", {}).items()
            if not (generic and name == "plan_cache_mode")
        ),
        query_id=top.get("Query Identifier"),
        generic=generic,
    )


def _with_own_parts(root: PlanNode) -> PlanNode:
    """The same tree with each node's own part of time, cost and blocks."""
    costs = own_costs(root)
    times, hits, reads = _measured_parts(root) if root.actual else ({}, {}, {})

    def complete(node: PlanNode) -> PlanNode:
        number = node.number
        return replace(
            node,
            exclusive_ms=times[number] if node.actual else None,
            exclusive_cost=costs[number],
            own_hit=round(hits.get(number, 0)),
            own_read=round(reads.get(number, 0)),
            children=tuple(complete(child) for child in node.children),
        )

    return complete(root)


def _measured_parts(root: PlanNode) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
    """Each node's own milliseconds, blocks found in memory, and blocks read, by number."""
    return (
        own_parts(root, lambda node: node.inclusive_ms),
        own_parts(root, lambda node: float(node.buffers.shared_hit) if node.buffers else 0.0),
        own_parts(root, lambda node: float(node.buffers.shared_read) if node.buffers else 0.0),
    )


def _node(raw: Json, place: _Place) -> PlanNode:
    fields: dict[str, Any] = {name: raw[key] for key, name in _FIELDS.items() if key in raw}
    number = next(place.numbers)
    return PlanNode(
        **fields,
        number=number,
        processes=place.processes,
        may_stop_early=place.may_stop_early,
        actual=_actual(raw),
        conditions=tuple(_conditions(raw)),
        outputs=tuple(raw.get("Output", ())),
        removed=tuple((key.removeprefix(_REMOVED), raw[key]) for key in raw if key.startswith(_REMOVED)),
        workers=tuple(_worker(worker) for worker in raw.get("Workers", ())),
        buffers=_buffers(raw),
        details=tuple(_details(raw)),
        children=tuple(_node(child, _below(raw, child, place)) for child in raw.get("Plans", ())),
    )


def _below(raw: Json, child: Json, place: _Place) -> _Place:
    """The place of a child of the node `raw`."""
    relationship = child.get("Parent Relationship", "")
    processes = place.processes
    if raw["Node Type"] in ("Gather", "Gather Merge") and relationship != "InitPlan":
        processes *= max(child.get("Actual Loops", 1) / max(raw.get("Actual Loops", 1), 1), 1.0)
    return _Place(processes, _may_stop(raw, relationship, place), place.numbers)


def _may_stop(raw: Json, relationship: str, place: _Place) -> bool:
    """Whether the asking for rows of a child may end before its last row."""
    kind = raw["Node Type"]
    if relationship in ("InitPlan", "SubPlan") or kind in ("Limit", "Merge Join"):
        return True
    if (relationship == "Inner" and raw.get("Join Type") in ("Semi", "Anti")) or raw.get("Inner Unique"):
        return relationship == "Inner" or place.may_stop_early
    blocking = kind in _BLOCKING or (kind in ("Aggregate", "SetOp") and raw.get("Strategy") != "Sorted")
    return place.may_stop_early and not blocking


def _actual(raw: Json) -> Actual | None:
    if "Actual Loops" not in raw:
        return None
    startup, total, rows, loops = (raw.get(key, 0.0) for key in _ACTUAL)
    return Actual(startup, total, rows, loops)


def _conditions(raw: Json) -> list[Condition]:
    named = [key for key in raw if key in _CONDITIONS or key.endswith(" Cond")]
    return [Condition(key, _expression(raw[key])) for key in named]


def _expression(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_expression(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value)


def _details(raw: Json) -> list[tuple[str, Scalar]]:
    left = [key for key in raw if key not in _HANDLED and key not in _CONDITIONS and not key.startswith(_REMOVED)]
    groups = [key for key in left if isinstance(raw[key], Mapping)]
    inside = [(f"{key} {name}", value) for key in groups for name, value in raw[key].items()]
    plain = [(key, raw[key]) for key in left if not key.endswith(" Cond")]
    return [(key, value) for key, value in (*plain, *inside) if isinstance(value, str | int | float)]


def _worker(raw: Json) -> WorkerRun:
    total = raw.get("Actual Total Time", 0.0)
    return WorkerRun(raw.get("Worker Number", 0), raw.get("Actual Rows", 0.0), raw.get("Actual Loops", 0), total)


def _buffers(raw: Json) -> Buffers | None:
    counts: dict[str, Any] = {name: raw[key] for key, name in _BUFFERS.items() if name and key in raw}
    if not counts:
        return None
    return Buffers(**counts, io_ms=sum(raw.get(key, 0.0) for key in _IO_TIMES))


def _trigger(raw: Json) -> Trigger:
    return Trigger(
        name=raw.get("Trigger Name", ""),
        relation=raw.get("Relation", ""),
        constraint=raw.get("Constraint Name", ""),
        ms=raw.get("Time", 0.0),
        calls=int(raw.get("Calls", 0)),
    )


def _jit(raw: Json | None) -> Jit | None:
    if raw is None:
        return None
    total = raw.get("Timing", {}).get("Total", 0.0)
    return Jit(raw.get("Functions", 0), total, tuple(raw.get("Options", {}).items()))
