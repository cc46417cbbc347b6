"""Relations that a script expects: tables, partitioned ones and partitions, views, sequences; what kind, its verbs tell."""

from __future__ import annotations

import re
from dataclasses import replace

from mcp_server.model.action import Action
from mcp_server.model.stand_in import StandIn, StandInColumn, StandIns, StandInTable, is_same
from mcp_server.planning.stand_in_constraints import COLUMN, some_index
from mcp_server.planning.stand_in_guess import guess
from mcp_server.planning.stand_in_request import Request, written
from mcp_server.planning.stand_in_types import composite

_DATE = re.compile(r"'\d{4}-\d\d-\d\d")
_MAKES = (
    "create table",
    "create table as",
    "create view",
    "create materialized view",
    "create sequence",
    "create index",
)


def relation(request: Request, found: re.Match[str]) -> StandIns | None:
    """A relation of the kind that the statement takes it for; None for one that the script makes itself, later."""
    name = written(request, found[2])
    if request.is_made(name, *_MAKES):
        return None
    kind = _kind(request, found[1], name)
    if kind == "index":
        return some_index(request, name)
    if kind == "type":
        return request.stand_ins.with_other(composite(name))
    if kind == "sequence":
        return request.stand_ins.with_other(StandIn("sequence", name, f"create sequence {name}"))
    if kind in ("view", "materialized view"):
        rows = (
            " as select g as id from generate_series(1, 9) g" if kind == "materialized view" else " as select 1 as id"
        )
        return request.stand_ins.with_other(StandIn(kind, name, f"create {kind} {name}{rows}"))
    if request.stand_ins.table(name) is not None:
        return None
    return _with_table(request, name)


def _kind(request: Request, word: str, name: str) -> str:
    if word in ("view", "materialized view", "sequence"):
        return word
    if re.search(
        rf"(?:nextval|setval|currval)\s*\(\s*'\"?{re.escape(name.strip(chr(34)))}", request.sql, re.IGNORECASE
    ):
        return "sequence"
    for action in request.actions:
        if not is_same(action.relation, name) and not is_same(action.name, name):
            continue
        told = action.kind or ("" if action.verb.startswith("create ") else action.verb.partition(" ")[2])
        if told in ("view", "materialized view", "sequence", "index", "type"):
            return told
    return "table"


def _with_table(request: Request, name: str) -> StandIns | None:
    """A table; as partitioned or as a partition where the script takes it for one."""
    uses = [one for one in request.script if one.verb in ("attach partition", "detach partition")]
    made = [one for one in request.script if "partition of" in one.flags and is_same(one.references, name)]
    as_parent = [one for one in uses if is_same(one.relation, name)] + made
    as_part = [one for one in uses if is_same(one.references, name)]
    if as_parent:
        return _partitioned(request, name, as_parent)
    if as_part and as_part[0].verb == "detach partition":
        return _part(request, name, as_part[0].relation)
    parent = request.stand_ins.table(as_part[0].relation) if as_part else None
    table = StandInTable(name, parent.columns if parent else (), unlogged=_is_unlogged(request, name))
    stand_ins = request.stand_ins.with_table(table)
    if any(one.verb == "reindex" and one.kind == "table" and is_same(one.relation, name) for one in request.script):
        column = StandInColumn(COLUMN, "integer")  # a table without an index is nothing to rebuild
        sql = f"create index on {name} ({COLUMN})"
        return stand_ins.with_table(table.with_column(column)).with_other(StandIn("plain index", name, sql))
    return stand_ins


def _is_unlogged(request: Request, name: str) -> bool:
    """SET LOGGED is said of a table that is not logged."""
    told = [
        one.verb for one in request.script if one.verb in ("set logged", "set unlogged") and is_same(one.relation, name)
    ]
    return told[:1] == ["set logged"]


def _partitioned(request: Request, name: str, uses: list[Action]) -> StandIns:
    """A partitioned table whose key fits the bounds that the script names."""
    bound = next((one.expression for one in uses if one.expression and "default" not in one.flags), "")
    values = bound.partition("(")[2]
    count = len(values.partition(")")[0].split(",")) if bound.startswith("from") else 1
    kind = "date" if _DATE.search(bound) else "text" if "'" in bound else "bigint"
    table = StandInTable(name)
    columns = [
        replace(guess(name, f"part_{number}", (), request.stand_ins), type=kind) for number in range(1, count + 1)
    ]
    for column in columns:
        table = table.with_column(column)
    way = "list" if bound.startswith("in") else "hash" if bound.startswith("with") else "range"
    key = f"{way} ({', '.join(one.name for one in columns)})"
    return request.stand_ins.with_table(replace(table, key=key))


def _part(request: Request, name: str, parent: str) -> StandIns | None:
    """A partition that is to be detached, with a bound that no other has."""
    whole = request.stand_ins.table(parent)
    stand_ins = request.stand_ins if whole else _with_table(request, parent)
    whole = whole or (stand_ins.table(parent) if stand_ins else None)
    if stand_ins is None or whole is None or not whole.key or whole.key.startswith("hash"):
        return None
    number = sum(1 for one in stand_ins.tables if is_same(one.parent, parent)) + 1
    values = _values(whole, number), _values(whole, number + 1)
    bound = f"for values from ({values[0]}) to ({values[1]})"
    if whole.key.startswith("list"):
        bound = f"for values in ({values[0]})"
    return stand_ins.with_table(StandInTable(name, parent=whole.name, bound=bound))


def _values(table: StandInTable, number: int) -> str:
    kinds = [one.type for one in table.columns if one.name.startswith("part_")]
    shown = {"date": f"'{1700 + number}-01-01'", "text": f"'part {number:04}'"}
    return ", ".join(shown.get(kind, str(-1_000_000 + number)) for kind in kinds)
