"""What Postgres refused a statement for -> the stand-ins with what it lacked.

Postgres names what it misses, one thing at a time: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from mcp_server.model.names import quote
from mcp_server.model.stand_in import StandIn, StandIns, StandInTable
from mcp_server.planning.stand_in_constraints import clustered, constraint, index, key_of, unnamed_index
from mcp_server.planning.stand_in_guess import guess
from mcp_server.planning.stand_in_relations import relation
from mcp_server.planning.stand_in_request import Request, written
from mcp_server.planning.stand_in_types import label, other_type, routine, type_of

_OF_A_ROW = ("old", "new", "excluded")
Mend = Callable[[Request, "re.Match[str]"], StandIns | None]


def mend(request: Request) -> StandIns | None:
    """The stand-ins with what the statement lacked; None when that cannot be told, or is the script's own affair."""
    for pattern, answer in _ANSWERS:
        if found := pattern.search(request.message):
            return answer(request, found)
    return other_type(request) if request.sqlstate in _TYPE_ERRORS else None


def _schema(request: Request, found: re.Match[str]) -> StandIns | None:
    name = quote(found[1])
    if any(one.verb == "create schema" and name in (one.name, one.relation) for one in request.script):
        return None
    return request.stand_ins.with_other(StandIn("schema", name, f"create schema {name}"))


def _column_of(request: Request, found: re.Match[str]) -> StandIns | None:
    return _with_column(request, request.original(found[2]), found[1])


def _column(request: Request, found: re.Match[str]) -> StandIns | None:
    """A column whose table Postgres does not name: by its alias, else the first made-up table that lacks it."""
    alias, _, name = found[1].rpartition(".")
    named = _aliased(request.sql, alias) if alias else ""
    if alias in _OF_A_ROW and request.actions:
        named = request.actions[0].relation
    if not alias and "referenced in foreign key" in found[0]:
        named = _keyed(request, name)
    reached = [named] if named else [one for action in request.actions for one in request.relations_of(action)]
    for target in reached:
        table = request.original(target)
        if table is not None and table.column(name) is None:
            return _with_column(request, table, name)
    return None


def _keyed(request: Request, name: str) -> str:
    """The table of a foreign key that has a column of that name among its own, else the one that it leads to."""
    for action in request.actions:
        own = action.columns or (action.name,)
        if action.references and name in own:
            table = request.original(action.relation)
            if table is not None and table.column(name) is None:
                return action.relation
    return next((action.references for action in request.actions if action.references), "")


def _aliased(sql: str, alias: str) -> str:
    plain = re.escape(alias)
    found = re.search(
        rf'\b(?:from|join|update|into|using)\s+(?:only\s+)?([\w."]+)\s+(?:as\s+)?"?{plain}"?(?![\w.])',
        sql,
        re.IGNORECASE,
    )
    return found[1] if found else quote(alias)


def _with_column(request: Request, table: StandInTable | None, name: str) -> StandIns | None:
    if table is None or table.column(name) is not None:
        return None
    column = guess(table.name, name, request.script, request.stand_ins)
    return request.stand_ins.with_table(table.with_column(column))


def _column_away(request: Request, found: re.Match[str]) -> StandIns | None:
    """A made-up column that the script adds itself."""
    table = request.original(found[2])
    if table is None or table.column(found[1]) is None:
        return None
    return request.stand_ins.with_table(table.without_column(found[1]))


def _key_away(request: Request, found: re.Match[str]) -> StandIns | None:
    """A made-up primary key where the script makes its own."""
    table = request.original(found[1])
    start = f"alter table {table.name} " if table else " "
    kept = tuple(one for one in request.stand_ins.others if one.kind != "primary key" or not one.sql.startswith(start))
    return replace(request.stand_ins, others=kept) if len(kept) < len(request.stand_ins.others) else None


def _extension(request: Request, found: re.Match[str]) -> StandIns | None:
    name = quote(found[1])
    return request.stand_ins.with_other(StandIn("extension", name, f"create extension {name}"))


def _unique_view(request: Request, found: re.Match[str]) -> StandIns | None:
    """REFRESH CONCURRENTLY needs a unique index."""
    name = written(request, found[1])
    sql = f"create unique index on {name} (id)"
    return request.stand_ins.with_other(StandIn("unique index", f"of {name}", sql))


_TYPE_ERRORS = (
    "42883",
    "42804",
    "22P02",
    "42846",
    "22007",
    "22008",
    "42P18",
    "42P22",
    "42704",
    "42725",
    "0A000",
    "22023",
    "42P17",
)
_ANSWERS: tuple[tuple[re.Pattern[str], Mend], ...] = tuple(
    (re.compile(pattern), answer)
    for pattern, answer in (
        (r'schema "(.+?)" does not exist', _schema),
        (r'extension "(.+?)" does not exist', _extension),
        (r'constraint "(.+?)" (?:of relation|for table|of domain) "(.+?)" does not exist', constraint),
        (r'constraint "(.+?)" for domain "?(.+?)"? does not exist', constraint),
        (r'constraint "(.+?)"() does not exist', constraint),
        (r'constraint "(.+?)"() is not (?:deferrable|a foreign key)', constraint),
        (r'index "(.+?)" (?:for table "(.+?)" )?does not exist', index),
        (r'no previously clustered index for table "(.+?)"', clustered),
        (r'column "(.+?)" of relation "(.+?)" does not exist', _column_of),
        (r'column "(.+?)" of relation "(.+?)" already exists', _column_away),
        (r'column "?(.+?)"? (?:named in key |referenced in foreign key constraint )?does not exist', _column),
        (r'multiple primary keys for table "(.+?)"', _key_away),
        (r'type "(.+?)" does not exist', type_of),
        (r"(?:function|procedure) (\S+?)\((.*?)\) does not exist", routine),
        (r'(materialized view|view|sequence|foreign table|table|relation) "(.+?)" does not exist', relation),
        (r'unique constraint matching given keys for referenced table "(.+?)"', key_of),
        (r'no primary key for referenced table "(.+?)"', key_of),
        (r'"(.+?)" is not (?:a unique|unique)', unnamed_index),
        (r'invalid input value for enum (\S+?): "(.*?)"', label),
        (r'()"(.*?)" is not an existing enum label', label),
        (r'cannot refresh materialized view "(.+?)" concurrently', _unique_view),
    )
)
