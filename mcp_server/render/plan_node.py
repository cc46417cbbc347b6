"""One plan node in one line: what it is, on which table and index, by which conditions, and what was unusual."""

from __future__ import annotations

from collections.abc import Iterator

from mcp_server.model.names import quote
from mcp_server.model.query import PlanNode
from mcp_server.render.words import one_line

CONDITION = 200
# Said elsewhere, or the same as another condition.
_SILENT = frozenset({"Params Evaluated", "Window", "Hash Key", "Grouping Sets"})


def describe(node: PlanNode) -> str:
    """The node's line without its figures."""
    head = name_of(node)
    if node.subplan:
        head = f"{one_line(node.subplan, 60)}: {head}"
    if node.actual is not None and not node.executed:
        head += " (never executed)"
    elif node.actual is not None and node.actual.loops != 1:
        head += f" ×{node.actual.loops}"
    return "; ".join((head, *_conditions(node), *_facts(node)))


def name_of(node: PlanNode) -> str:
    """What the node is and works on, in the words of Postgres's own text format."""
    words = [_kind(node)]
    if node.index:
        words += ["using" if node.relation else "on", quote(node.index)]
    target = node.relation or node.function or node.cte
    if node.relation:
        words += ["on", _qualified(node)]
    elif target:
        words += ["on", quote(target)]
    if node.alias and node.alias != target:
        words.append(quote(node.alias))
    return one_line(" ".join(words), 160)


def milliseconds(value: float) -> str:
    """Milliseconds in three digits or so."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def amount(value: float) -> str:
    """Rows or costs: whole numbers, small ones with a digit or two."""
    return f"{value:.0f}" if value >= 10 or value == round(value) else f"{value:.2g}"


def _qualified(node: PlanNode) -> str:
    return quote(node.relation) if node.schema in ("", "public") else f"{quote(node.schema)}.{quote(node.relation)}"


def _kind(node: PlanNode) -> str:
    kind = node.type
    if kind == "Aggregate":
        kind = {"Hashed": "HashAggregate", "Sorted": "GroupAggregate", "Mixed": "MixedAggregate"}.get(
            node.strategy, kind
        )
    elif kind == "ModifyTable":
        kind = node.operation
    elif kind == "SetOp":
        kind = f"{'Hash' if node.strategy == 'Hashed' else ''}SetOp {node.detail('Command') or ''}".strip()
    elif node.join and node.join != "Inner":
        kind = f"{kind.removesuffix(' Join')} {node.join} Join"
    if node.partial_mode in ("Partial", "Finalize"):
        kind = f"{node.partial_mode} {kind}"
    if node.parallel:
        kind = f"Parallel {kind}"
    return f"{kind} Backward" if node.direction == "Backward" else kind


def _conditions(node: PlanNode) -> Iterator[str]:
    for condition in node.conditions:
        lossy = node.detail("Lossy Heap Blocks") or dict(node.removed).get("Index Recheck")
        if condition.kind in _SILENT or (condition.kind == "Recheck Cond" and not lossy):
            continue
        yield f"{condition.kind}: {one_line(condition.text, CONDITION)}"


def _facts(node: PlanNode) -> Iterator[str]:
    """What the run shows of the node besides time and rows."""
    loops = node.actual.loops if node.actual else 0
    for kind, rows in node.removed:
        if rows:
            yield f"removed by {kind.lower()} {amount(rows * loops)}"
    yield from _memory(node)
    for name in ("Heap Fetches", "Lossy Heap Blocks", "Subplans Removed", "Cache Evictions", "Index Searches"):
        value = node.detail(name)
        if isinstance(value, int) and value > (max(loops, 1) if name == "Index Searches" else 0):
            yield f"{name.lower()} {value}"
    if node.detail("Disabled"):
        yield "disabled"
    if node.workers_planned:
        yield (
            f"workers {node.workers_launched} of {node.workers_planned}"
            if node.actual
            else (f"workers {node.workers_planned}")
        )
    yield from _blocks(node)


def _memory(node: PlanNode) -> Iterator[str]:
    method = node.detail("Sort Method")
    if method:
        place = " on disk" if node.detail("Sort Space Type") == "Disk" else ""
        yield f"{method} {node.detail('Sort Space Used')} kB{place}"
    batches = node.detail("Hash Batches") or node.detail("HashAgg Batches")
    if isinstance(batches, int) and batches > 1:
        planned = node.detail("Original Hash Batches")
        expected = f" ({planned} expected)" if planned not in (None, batches) else ""
        yield f"{batches} batches{expected}"
    if node.spilled_kb and not method:
        yield f"{node.spilled_kb} kB on disk"
    elif node.buffers and node.buffers.temp_written and batches and isinstance(batches, int) and batches > 1:
        yield f"{node.buffers.temp_written} temporary blocks"


def _blocks(node: PlanNode) -> Iterator[str]:
    """Blocks of 8 kB that the node itself asked for."""
    parts = [f"{word} {number}" for word, number in (("hit", node.own_hit), ("read", node.own_read)) if number]
    if parts:
        yield " ".join(parts)
    if node.buffers and node.buffers.io_ms >= 1 and node.own_read:
        yield f"I/O {milliseconds(node.buffers.io_ms)} ms"
