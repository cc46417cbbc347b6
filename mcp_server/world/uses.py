"""A plan without indexes -> how the statement uses each table, once for each time that it stands in the statement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mcp_server.model.names import qualified
from mcp_server.model.query import PlanNode, QueryPlan
from mcp_server.model.workload import Order, TableUse
from mcp_server.world.conjuncts import Term, read_keys, read_terms

# What keeps the planner from indexes, so that every condition stands where its table is read.
WITHOUT_INDEXES = (
    "enable_indexscan",
    "enable_indexonlyscan",
    "enable_bitmapscan",
    "enable_mergejoin",
    "enable_memoize",
)
_CONDITIONS = ("Filter", "Join Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "TID Cond")
_PART = r'(?:"((?:[^"]|"")*)"|([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*))'
_REFERENCE = re.compile(rf"(?<![\w.\"]){_PART}\.(?:{_PART}|\*)")
_END = re.compile(rf"(?:min|max)\({_PART}\.{_PART}\)")
# Postgres numbers the partitions of a table that a statement names: "reading_1".
_NUMBERED = re.compile(r"_\d+\Z")
_STRING = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class _Seen:
    """A plan as it is asked here. below: the alias -> the scan. limited: aliases under a LIMIT."""

    plan: QueryPlan
    scans: dict[str, PlanNode]
    limited: bool


def read_uses(
    query: str, plan: QueryPlan, *, is_fixed: bool = True, roots: Mapping[str, str] | None = None
) -> tuple[TableUse, ...]:
    """How a statement uses its tables. plan: made WITHOUT_INDEXES, with VERBOSE. query: its name.

    is_fixed: whether its constants stand in the application, so that every run repeats them. roots: the partitioned table of
    each partition; it is what is used.
    """
    scans = {node.alias: node for node in plan.nodes() if node.relation and node.type.endswith("Scan")}
    seen = _Seen(plan, scans, any(node.type == "Limit" for node in plan.nodes()))
    terms = tuple(_terms(plan))
    uses: dict[tuple[str, str], TableUse] = {}
    for alias in scans:
        use = _use(query, seen, alias, [term for term in terms if term.alias == alias])
        root = (roots or {}).get(use.table)
        key = (root, _NUMBERED.sub("", alias)) if root else (use.table, alias)
        use = replace(use, table=root or use.table)
        uses[key] = _together(uses[key], use) if key in uses else use
    return tuple(use if is_fixed else _with_values(use) for use in uses.values())


def _together(first: TableUse, second: TableUse) -> TableUse:
    """What two partitions of a table are used for: the plan names columns above them by the first alone."""
    names = [one for one in TableUse.__dataclass_fields__ if one not in ("query", "table", "whole_row", "limited")]
    both: dict[str, Any] = {
        name: tuple(dict.fromkeys((*getattr(first, name), *getattr(second, name)))) for name in names
    }
    return replace(
        first,
        **both | {"order": first.order or second.order, "group": first.group or second.group},
        whole_row=first.whole_row or second.whole_row,
        limited=first.limited or second.limited,
    )


def _with_values(use: TableUse) -> TableUse:
    """The same where the constants may be the values of one run."""
    told = tuple((name, sql, "value" if kind == "constant" else kind) for name, sql, kind in use.predicates)
    return replace(use, predicates=told, arms=tuple(_with_values(arm) for arm in use.arms))


def _terms(plan: QueryPlan) -> Iterator[Term]:
    for node in plan.nodes():
        for condition in node.conditions:
            if condition.kind in _CONDITIONS:
                yield from read_terms(condition.text)


def _use(query: str, seen: _Seen, alias: str, terms: Sequence[Term]) -> TableUse:
    scan = seen.scans[alias]
    columns = _needed(seen, alias)
    return replace(
        _of_terms(TableUse(query, qualified(scan.schema, scan.relation)), terms),
        order=_order(seen, alias),
        group=_group(seen, alias),
        ends=_ends(seen, alias),
        needed=tuple(sorted(columns - {"*"})),
        whole_row="*" in columns or seen.plan.root.type == "ModifyTable",
        limited=seen.limited,
    )


def _of_terms(use: TableUse, terms: Sequence[Term]) -> TableUse:
    def columns(*kinds: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(term.column for term in terms if term.kind in kinds and term.column))

    computed = (term for term in terms if not term.column and term.kind in ("equal", "range", "prefix", "join"))
    return replace(
        use,
        equal=columns("equal"),
        among=columns("among"),
        ranges=columns("range", "bound"),
        joins=columns("join"),
        prefixes=columns("prefix"),
        infixes=columns("infix"),
        contains=tuple((term.column or f"({term.sql})", term.operator) for term in terms if term.kind == "contains"),
        expressions=tuple(dict.fromkeys((term.sql, "<" if term.kind == "range" else "=") for term in computed)),
        predicates=tuple(dict.fromkeys(_predicates(terms))),
        arms=tuple(_of_terms(use, arm) for term in terms for arm in term.arms),
    )


def _predicates(terms: Iterable[Term]) -> Iterator[tuple[str, str, str]]:
    """Conditions that hold no parameter: those that an index can be restricted to."""
    for term in terms:
        if term.kind == "predicate":
            yield term.column, term.sql, term.operator
        elif term.kind in ("equal", "among") and term.fixed and term.column:
            yield term.column, term.sql, "constant"


def _order(seen: _Seen, alias: str) -> Order:
    """The longest sort that begins with columns of this table; all of its keys are this table's, or none counts."""
    found: list[Order] = [()]
    for node in seen.plan.nodes():
        keys = read_keys(node.condition("Sort Key")) if node.type in ("Sort", "Incremental Sort") else ()
        if keys and all(one == alias for one, _, _ in keys):
            found.append(tuple((column, way) for _, column, way in keys))
    return max(found, key=len)


def _group(seen: _Seen, alias: str) -> tuple[str, ...]:
    for node in seen.plan.nodes():
        keys = read_keys(node.condition("Group Key")) if node.type in ("Aggregate", "Group", "Unique") else ()
        if keys and all(one == alias for one, _, _ in keys):
            return tuple(column for _, column, _ in keys)
    return ()


def _ends(seen: _Seen, alias: str) -> tuple[str, ...]:
    texts = (text for node in seen.plan.nodes() if not node.condition("Group Key") for text in node.outputs)
    matches = (match for text in texts if (match := _END.fullmatch(text)))
    return tuple(dict.fromkeys(_name(match, 3) for match in matches if _name(match, 1) == alias))


def _needed(seen: _Seen, alias: str) -> set[str]:
    """The columns that are read: those that any node but the scan itself speaks of, and what a scan hands to the client.

    A scan's own output may be the whole row because that is cheaper than to choose.
    """
    found: set[str] = set()
    for node in seen.plan.nodes():
        own = node is seen.scans[alias]
        is_exact = not own or node is seen.plan.root or node.parent in ("SubPlan", "InitPlan") or bool(node.subplan)
        texts = [condition.text for condition in node.conditions] + list(node.outputs if is_exact else ())
        for match in (match for text in texts for match in _REFERENCE.finditer(_STRING.sub("''", text))):
            if _name(match, 1) == alias:
                found.add(_name(match, 3) or "*")
    if isinstance(seen.plan.root, PlanNode) and _hands_up(seen.plan.root, seen.scans[alias]):
        found |= {_name(match, 3) or "*" for match in _own_outputs(seen.scans[alias])}
    return found


def _hands_up(root: PlanNode, scan: PlanNode) -> bool:
    """Whether only a LIMIT stands above a scan: it hands on what it gets."""
    return root.type == "Limit" and len(root.children) == 1 and root.children[0] is scan


def _own_outputs(scan: PlanNode) -> Iterator[re.Match[str]]:
    for text in scan.outputs:
        yield from _REFERENCE.finditer(text)


def _name(match: re.Match[str], first: int) -> str:
    quoted, plain = match[first], match[first + 1]
    return quoted.replace('""', '"') if quoted is not None else plain or ""
