"""When the default of an added column must be computed for each row: when it is volatile after the planner has inlined what it can.

Source: ATExecAddColumn() in src/backend/commands/tablecmds.c; inline_function() in src/backend/optimizer/util/clauses.c.
"""

from __future__ import annotations

import re

from mcp_server.model.names import split
from mcp_server.model.schema import Extension, Function
from mcp_server.planning.prediction_ground import Ground

# Functions of pg_catalog that are volatile and can stand in a default, PostgreSQL 14 to 18 (pg_proc.provolatile).
_VOLATILE = frozenset({
    "clock_timestamp", "timeofday", "random", "random_normal", "setseed", "gen_random_uuid", "uuidv4", "uuidv7",
    "nextval", "currval", "lastval", "setval", "pg_sleep", "pg_sleep_for", "pg_sleep_until", "pg_notify", "set_config",
    "query_to_xml", "lo_create", "lo_creat", "pg_nextoid", "pg_stat_get_snapshot_timestamp", "pg_backend_pid",
    "txid_status", "pg_xact_status", "pg_advisory_lock", "pg_try_advisory_lock", "pg_logical_emit_message",
    "pg_current_wal_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_flush_lsn", "pg_last_wal_receive_lsn",
}) - {"pg_backend_pid"}  # fmt: skip
# What an extension makes is not in the Schema: its functions are taken for volatile, but for these of the common ones.
_STEADY = frozenset({
    "uuid_nil", "uuid_ns_dns", "uuid_ns_url", "uuid_ns_oid", "uuid_ns_x500", "uuid_generate_v3", "uuid_generate_v5",
    "digest", "hmac", "crypt", "unaccent", "similarity", "st_makepoint", "st_setsrid", "st_point",
})  # fmt: skip
_BODY = re.compile(r"\bAS (\$\w*\$|')(?P<body>.*)(?:\1)\s*\Z", re.DOTALL)
_RETURN = re.compile(r"\bRETURN (?P<body>.+?)\s*\Z", re.DOTALL)
_ONE_VALUE = re.compile(r"\s*select\s+(?P<value>[^;]+?)\s*;?\s*\Z", re.DOTALL | re.IGNORECASE)
_QUERY = re.compile(
    r"\b(?:from|where|group|having|limit|offset|order|union|intersect|except|with|select|into|for)\b", re.IGNORECASE
)
_CALL = re.compile(r'((?:"(?:[^"]|"")+"|[a-z_][\w$]*)(?:\.(?:"(?:[^"]|"")+"|[a-z_][\w$]*))?)\s*\(', re.IGNORECASE)
_STRINGS = re.compile(r"'(?:[^']|'')*'")
_OPTIONS = re.compile(r"\b(?:SECURITY DEFINER|SET \w+ TO|RETURNS SETOF|RETURNS TABLE)\b")
_NO_CALLS = frozenset(
    {"in", "values", "row", "array", "coalesce", "nullif", "greatest", "least", "case", "cast", "and", "or", "not"}
)


def is_volatile(ground: Ground, calls: tuple[str, ...], depth: int = 8) -> bool:
    """Whether one of the functions that an expression calls has to be run for each row."""
    return any(_is_volatile(ground, call, depth) for call in calls)


def _is_volatile(ground: Ground, call: str, depth: int) -> bool:
    name = split(call)[-1]
    own = [one for one in ground.schema.all(Function) if one.name == name and _fits(one, call)]
    if own:
        return any(_own_is_volatile(ground, one, depth) for one in own)
    if name in _VOLATILE:
        return True
    return name not in _STEADY and _is_of_extension(ground, name)


def _fits(function: Function, call: str) -> bool:
    parts = split(call)
    return len(parts) == 1 or parts[0] == function.schema


def _own_is_volatile(ground: Ground, function: Function, depth: int) -> bool:
    if function.volatility != "volatile":
        return False
    inlined = _inlined(function) if depth else None
    if inlined is None:
        return True
    return is_volatile(ground, calls_in(inlined), depth - 1)


def calls_in(expression: str) -> tuple[str, ...]:
    """The functions that an expression calls, by their names in its text."""
    found = _CALL.findall(_STRINGS.sub("''", expression))
    return tuple(one.lower() for one in found if one.lower() not in _NO_CALLS)


def _inlined(function: Function) -> str | None:
    """The one expression that stands for a call of an SQL function, None when the planner keeps the call."""
    if function.language != "sql" or function.security_definer or function.kind != "function":
        return None
    head, _, _ = function.definition.partition("AS $")
    if _OPTIONS.search(head):
        return None
    if found := _BODY.search(function.definition):
        value = _ONE_VALUE.match(found["body"])
        text = value["value"] if value else None
    else:
        returned = _RETURN.search(function.definition)
        text = returned["body"] if returned else None
    return None if text is None or _QUERY.search(_STRINGS.sub("''", text)) else text


def _is_of_extension(ground: Ground, name: str) -> bool:
    start = re.compile(rf"function (?:[^(]*\.)?{re.escape(name)}\(")
    return any(start.match(member) for one in ground.schema.all(Extension) for member in one.members)
