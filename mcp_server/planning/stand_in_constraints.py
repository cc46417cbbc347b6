"""Constraints and indexes that a script expects."""

from __future__ import annotations

import re

from mcp_server.model.names import quote
from mcp_server.model.stand_in import StandIn, StandInColumn, StandIns, StandInTable, is_same
from mcp_server.planning.stand_in_guess import guess
from mcp_server.planning.stand_in_request import Request, written

_FOREIGN = re.compile(r"(?:^|_)(?:fk|fkey|foreign|references?)(?:_|$|\d)", re.IGNORECASE)
_PRIMARY = re.compile(r"(?:^|_)(?:pk|pkey|primary)(?:_|$|\d)", re.IGNORECASE)
_UNIQUE = re.compile(r"(?:^|_)(?:key|uniq|unique|uq|uc|ux|idx)(?:_|$|\d)", re.IGNORECASE)
PARENT = "made_up_parent"
INDEXED = "made_up"
COLUMN = "made_up_column"


def constraint(request: Request, found: re.Match[str]) -> StandIns | None:
    """A constraint of the kind that its name and its uses tell; of a domain a check."""
    name = quote(found[1])
    uses = [one for one in request.script if one.name == found[1] and one.relation]
    owner = written(request, found[2]) if found[2] else (uses[0].relation if uses else "")
    if not owner:
        return None
    if (domain := request.stand_ins.other("domain", owner)) is not None:
        sql = f"alter domain {domain.name} add constraint {name} check (true) not valid"
        return request.stand_ins.with_other(StandIn("constraint", name, sql))
    table = request.original(owner) or (StandInTable(owner) if not found[2] else None)
    if table is None:
        return None
    return _of_table(request, table, name, found[1])


def _of_table(request: Request, table: StandInTable, name: str, label: str) -> StandIns | None:
    verbs = {one.verb for one in request.script if one.name == label and is_same(one.relation, table.name)}
    is_timed = any(one.verb.startswith("set constraints") for one in request.script)
    add = f"alter table {table.name} add constraint {name}"
    if "alter constraint" in verbs or is_timed or _FOREIGN.search(label):
        return _foreign_key(request, table, name, is_timed, "validate constraint" in verbs)
    if _PRIMARY.search(label):
        table, column = _key_column(request, table)
        return _with(request.stand_ins.with_table(table), "primary key", name, f"{add} primary key ({quote(column)})")
    if _UNIQUE.search(label):
        table, column = _key_column(request, table)
        return _with(request.stand_ins.with_table(table), "constraint", name, f"{add} unique ({quote(column)})")
    proven = _proven(request, table, label)
    table = table.with_column(StandInColumn(proven, "text")) if proven and not table.column(proven) else table
    condition = f"{quote(proven)} is not null" if proven else "true"
    open_ = " not valid" if "validate constraint" in verbs else ""
    return _with(request.stand_ins.with_table(table), "constraint", name, f"{add} check ({condition}){open_}")


def _with(stand_ins: StandIns, kind: str, name: str, sql: str) -> StandIns | None:
    known = next((one for one in stand_ins.others if one.name == name and one.sql == sql), None)
    return None if known else stand_ins.with_other(StandIn(kind, name, sql))


def _proven(request: Request, table: StandInTable, label: str) -> str:
    """The column that the script sets NOT NULL after validating a check of that name: what the check is for."""
    columns = [one.name for one in request.script if one.verb == "set not null" and is_same(one.relation, table.name)]
    return next((one for one in columns if one in label), columns[0] if columns else "")


def _foreign_key(request: Request, table: StandInTable, name: str, is_timed: bool, is_open: bool) -> StandIns | None:
    stand_ins = request.stand_ins
    if stand_ins.table(PARENT) is None:
        stand_ins = stand_ins.with_table(StandInTable(PARENT, (StandInColumn("id", "bigint", True),)))
        stand_ins = stand_ins.with_other(
            StandIn(
                "primary key", f"{PARENT}_pkey", f"alter table {PARENT} add constraint {PARENT}_pkey primary key (id)"
            )
        )
    column = StandInColumn(COLUMN, "bigint")
    stand_ins = stand_ins.with_table(table.with_column(column))
    tail = " deferrable initially deferred" * is_timed + " not valid" * is_open
    key = f"foreign key ({COLUMN}) references {PARENT} (id)"
    return _with(stand_ins, "constraint", name, f"alter table {table.name} add constraint {name} {key}{tail}")


def _key_column(request: Request, table: StandInTable) -> tuple[StandInTable, str]:
    """The table with a column that a key of it may have."""
    if table.columns:
        return table, table.columns[0].name
    added = {one.name for one in request.script if one.verb == "add column" and is_same(one.relation, table.name)}
    name = COLUMN if "id" in added else "id"
    return table.with_column(guess(table.name, name, request.script, request.stand_ins)), name


def key_of(request: Request, found: re.Match[str]) -> StandIns | None:
    """What a foreign key leads to must be unique."""
    table = request.original(found[1])
    if table is None:
        return None
    plain = re.escape(found[1].rpartition(".")[2])
    told = re.search(rf'references\s+(?:[\w"]+\.)?"?{plain}"?\s*\(([^)]*)\)', request.sql, re.IGNORECASE)
    if told is None:
        table, column = _key_column(request, table)
        columns = quote(column)
    else:
        columns = told[1].strip()
    sql = f"alter table {table.name} add {'unique' if told else 'primary key'} ({columns})"
    kind = "unique key" if told else "primary key"
    return request.stand_ins.with_table(table).with_other(StandIn(kind, f"{table.name} ({columns})", sql))


def index(request: Request, found: re.Match[str]) -> StandIns | None:
    """An index that is dropped, rebuilt, clustered by, or made a constraint."""
    return some_index(request, written(request, found[1]), written(request, found[2]) if found[2] else "")


def some_index(request: Request, name: str, table: str = "") -> StandIns | None:
    """An index on the table that the script names with it, else on one made up for it."""
    if request.is_made(name, "create index"):
        return None
    told = [one.relation for one in request.script if one.index and is_same(quote(one.index), name) and one.relation]
    owner = table or (told[0] if told else INDEXED)
    known = request.original(owner) or StandInTable(owner)
    known, column = _key_column(request, known)
    schema, _, plain = name.rpartition(".")
    if schema and "." not in known.name:
        return None  # an index lies in its table's schema
    unique = "unique " if told else ""
    sql = f"create {unique}index {plain} on {known.name} ({quote(column)})"
    return request.stand_ins.with_table(known).with_other(StandIn("index", name, sql))


def unnamed_index(request: Request, found: re.Match[str]) -> StandIns | None:
    """An index that has to be unique after all."""
    known = request.stand_ins.other("index", quote(found[1]))
    if known is None or known.sql.startswith("create unique"):
        return None
    return request.stand_ins.with_other(StandIn("index", known.name, known.sql.replace("create", "create unique", 1)))


def clustered(request: Request, found: re.Match[str]) -> StandIns | None:
    """CLUSTER without an index takes the one of the last time."""
    table = request.original(found[1])
    if table is None:
        return None
    table, column = _key_column(request, table)
    name = f"{table.name.rpartition('.')[2].strip(chr(34))}_made_up_idx"
    made = StandIn("index", name, f"create index {quote(name)} on {table.name} ({quote(column)})")
    marked = StandIn("clustering", table.name, f"alter table {table.name} cluster on {quote(name)}")
    return request.stand_ins.with_table(table).with_other(made).with_other(marked)
