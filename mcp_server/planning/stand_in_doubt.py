"""Whose affair a refusal is: the script's, or that of what was made up for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mcp_server.model.stand_in import StandIns
from mcp_server.planning.stand_in_request import Request, written

# What is missing: an object, a column, a schema, a function, an extension.
_MISSING = ("42P01", "42703", "42704", "3F000", "3D000", "42883")
# The rows that a script writes, its grammar, its transactions, and names that it gives twice.
_OWN = ("42601", "25001", "25P01", "55P04", "42701", "42P07", "42710", "42P06", "42723", "42611", "42602")
_TYPES = ("42804", "42883", "42846", "42P18", "42P22", "42725", "42P17")
_MAKES = ("create table", "create table as", "create view", "create materialized view", "create sequence", "create index",
          "create type", "create domain", "create function", "create schema", "table column", "add column")  # fmt: skip

# An extension that this Postgres was built without; a database of another name than the copy's.
_ELSEWHERE = re.compile(r"is not available|currently open database")


def is_doubtful(request: Request) -> bool:
    """Whether a statement may well run where what was made up for it really stands."""
    state = request.sqlstate
    if state == "42601" and set(re.findall(r'"(\w+)"', request.message)) & _made_up_names(request.stand_ins):
        return True  # a type of an extension's may take modifiers, a made-up one does not
    if state in _OWN:
        return False
    if _ELSEWHERE.search(request.message):
        return True
    if request.words() & _made_up_names(request.stand_ins):
        return True
    if state in _TYPES or state[:2] in ("22", "23"):
        return False
    reached = any(request.original(one) for action in request.actions for one in request.relations_of(action))
    if state == "42703" and not reached:
        return False
    if state in _MISSING:
        named = re.findall(r'"(.+?)"', request.message)
        return not any(request.is_made(written(request, one), *_MAKES) for one in named)
    return reached


def _made_up_names(stand_ins: StandIns) -> set[str]:
    """The words that mean something made up, but for tables: that a table is there is all that is known of it."""
    return set(_words(stand_ins))


def _words(stand_ins: StandIns) -> Iterator[str]:
    for table in stand_ins.tables:
        yield from (one.name for one in table.columns)
    for item in stand_ins.others:
        if item.kind != "schema":
            yield from re.findall(r"\w+", item.name.partition("(")[0])
