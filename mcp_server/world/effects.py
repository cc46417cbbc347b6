"""What a statement could do besides reading: the functions that the server itself says it calls.

A READ ONLY transaction stops writes to tables, but not a function that locks, signals, talks to another server or
reads files; and the planner runs some functions on its own: IMMUTABLE ones of constants, STABLE ones to estimate
(https://www.postgresql.org/docs/current/xfunc-volatility.html). So before anything runs, the server is asked for its
rewritten tree (debug_print_rewritten, sent to this session as a message): views, policies, casts and operators are
expanded there, and every function stands in it by its OID. Nothing is planned or run for that. The tree also goes to
the server's log unless the role may keep it out, so it is asked for only when it decides something.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_server.errors import DatabaseError, Refused

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

# Volatile functions that change nothing: they only may not be believed twice.
HARMLESS = {
    "postgres": re.compile(
        r"""random|random_normal|setseed|array_sample|array_shuffle|gen_random_uuid|uuidv4|uuidv7|clock_timestamp
        |timeofday|pg_sleep|pg_sleep_for|pg_sleep_until|currval|lastval|pg_\w+_size|pg_is_in_recovery
        |pg_current_wal_\w*lsn|pg_last_\w+|pg_blocking_pids|pg_lock_status|pg_prepared_xact|pg_partition_tree
        |pg_partition_ancestors|pg_sequence_last_value|pg_stat_get_\w+|pg_xact_status|pg_xact_commit_timestamp
        |txid_status|pg_jit_available|bernoulli|system""",
        re.VERBOSE,
    ),
    "extension": re.compile(
        r"uuid_generate_\w+|gen_random_(uuid|bytes)|gen_salt|pg_stat_statements(_info)?|system_rows|system_time|normal_rand"
    ),
}
# Labelled STABLE, yet they take a transaction id or run SQL that they are given as text.
ACTING_THOUGH_STABLE = re.compile(r"txid_current|pg_current_xact_id|crosstab\w*|connectby|xpath_table")
# Words in the body of a function that make a closer look worth while, before its statement is planned.
_SUSPICIOUS = (
    r"\m(dblink|postgres_fdw|pg_(try_)?advisory|pg_terminate|pg_cancel|pg_notify|nextval|setval|set_config|lo_|pg_reload"
    r"|pg_rotate|pg_switch|pg_logical|pg_create|pg_drop|pg_replication|pg_wal|pg_promote|pg_read|pg_ls|pg_export"
    r"|pg_stat_reset|pg_log|http|net|query_to_xml|txid_current|pg_current_xact_id|crosstab|perform|execute|copy)"
)

_OWN_FUNCTIONS = """
    select p.proname, p.provolatile, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body
    from pg_catalog.pg_proc p
    where p.oid >= 16384 and p.prorettype not in ('pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype)
      and not exists (select from pg_catalog.pg_depend d
                      where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
"""
# Whether any function that the planner might run on its own deserves the closer look.
_MAY_ACT_IN_PLANNING = rf"""
    with own as materialized ({_OWN_FUNCTIONS}),
    volatile as (select count(*) as number, string_agg(regexp_replace(proname, '\W', '.', 'g'), '|') as names
                 from own where provolatile = 'v')
    select exists (
        select from own, volatile
        where own.provolatile <> 'v'
          and (volatile.number > 300 or own.body ~* $1 or own.body ~* ('\m(' || volatile.names || ')\M')))
"""
_FACTS = """
    select p.oid, p.oid::pg_catalog.regprocedure::text as signature, p.proname as name, p.provolatile::text as volatility,
           l.lanname as language, case when p.oid < 16384 then 'postgres' when exists (
               select from pg_catalog.pg_depend d
               where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
               then 'extension' else 'own' end as origin,
           case when p.oid >= 16384 then coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) end as body
    from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
"""
_CALLED = f"""
    with called as (
        select unnest($1::oid[]) as oid
        union select oprcode from pg_catalog.pg_operator where oid = any($2::oid[])
        union select unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,
                                  aggminvtransfn, aggmfinalfn]::oid[])
              from pg_catalog.pg_aggregate where aggfnoid = any($1::oid[])
    )
    {_FACTS} where p.oid in (select oid from called) and p.prokind <> 'a'
    union all
    select c.oid, 'domain ' || pg_catalog.format_type(c.contypid, null), c.conname, 's', 'sql', 'own',
           pg_catalog.pg_get_constraintdef(c.oid)
    from pg_catalog.pg_constraint c where c.contypid = any($3::oid[]) and c.contype = 'c'
"""
_NAMED = f"{_FACTS} where p.proname = any($1::text[]) and p.prokind <> 'a'"
_FUNCTION = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
_OPERATOR = re.compile(r":(?:opno|eqop|sortop) (\d+)")
_OPERATORS = re.compile(r":opnos \(o ([\d ]+)\)")
_TYPE = re.compile(r":resulttype (\d+)")
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_CALL = re.compile(r'(?:"((?:[^"]|"")+)"|\b([A-Za-z_]\w*))\s*\(')
_DYNAMIC = re.compile(r"\bexecute\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Called:
    """A function that a statement calls, or the check of a domain. origin: "postgres", "extension" or "own"."""

    signature: str
    name: str
    volatile: bool
    language: str
    origin: str
    body: str

    @property
    def shipped(self) -> bool:
        """Whether it came with Postgres or an extension, so that its label is believed."""
        return self.origin != "own"


async def refuse_acting_in_planning(connection: Connection, query: str) -> None:
    """Raise Refused when merely planning the query could run a function that acts.

    connection: inside a read_only() transaction. query: what stands behind EXPLAIN, without it.
    """
    if not await connection.fetchval(_MAY_ACT_IN_PLANNING, _SUSPICIOUS):
        return
    for function in await _called_by(connection, await _read_tree(connection, query)):
        planned = not function.shipped and not function.volatile
        if planned and (reason := await _acting_body(connection, function, running=False)):
            raise Refused(
                f"Planning alone could run {function.signature}, which {reason}; a read-only transaction does not stop "
                f"that.",
                "Label the function VOLATILE, so that the planner leaves it alone, or explain the query on a copy.",
            )


async def refuse_acting_when_run(connection: Connection, query: str) -> None:
    """Raise Refused when running the query would call a function that is not known to read only."""
    for function in await _called_by(connection, await _read_tree(connection, query)):
        if reason := _acting(function) or await _acting_body(connection, function, running=True):
            raise Refused(
                f"ANALYZE would run {function.signature}, which {reason}. Its effects could outlive the rollback.",
                "Leave analyze out to see the estimated plan, or run it on a copy of the database. A function that "
                "only reads can be labelled STABLE.",
            )


async def _read_tree(connection: Connection, query: str) -> str:
    """The rewritten tree that the server makes of a query, as text."""
    trees: list[str] = []

    def keep(_: object, message: object) -> None:
        if "rewritten parse tree" in str(getattr(message, "message", "")):
            trees.append(str(getattr(message, "detail", "")))

    connection.add_log_listener(keep)
    try:
        await connection.fetch(
            """select set_config('debug_print_rewritten', 'on', true), set_config('debug_pretty_print', 'off', true),
                      set_config('client_min_messages', 'log', true),
                      case when current_setting('is_superuser')::boolean
                           then set_config('log_min_messages', 'panic', true) end"""
        )
        await connection.prepare(query)
    finally:
        connection.remove_log_listener(keep)
    await connection.fetch("select set_config('debug_print_rewritten', 'off', true)")
    if not trees:
        raise DatabaseError(
            "The server did not say which functions the statement calls, so it is not run.",
            "Leave analyze out to see the estimated plan.",
        )
    # The server breaks lines anywhere between words.
    return " ".join(" ".join(trees).split())


async def _called_by(connection: Connection, tree: str) -> list[Called]:
    operators = {*_OPERATOR.findall(tree), *(number for found in _OPERATORS.findall(tree) for number in found.split())}
    rows = await connection.fetch(
        _CALLED, _numbers(_FUNCTION.findall(tree)), _numbers(operators), _numbers(_TYPE.findall(tree))
    )
    return [_called(row) for row in rows]


def _numbers(texts: Iterable[str]) -> list[int]:
    return sorted({int(text) for text in texts} - {0})


def _called(row: asyncpg.Record) -> Called:
    return Called(
        signature=str(row["signature"]),
        name=str(row["name"]),
        volatile=row["volatility"] == "v",
        language=str(row["language"]),
        origin=str(row["origin"]),
        body=_COMMENT.sub(" ", str(row["body"] or "")),
    )


def _acting(function: Called) -> str:
    """Why a function may act, by its label and its name alone; "" when it does not."""
    if function.shipped:
        if function.volatile and not HARMLESS[function.origin].fullmatch(function.name):
            return "is VOLATILE and may change what no rollback takes back"
        return "acts though it is labelled STABLE" if ACTING_THOUGH_STABLE.fullmatch(function.name) else ""
    return "is labelled VOLATILE (the default)" if function.volatile else ""


async def _acting_body(connection: Connection, function: Called, *, running: bool) -> str:
    """Why the body of a function of the user's own acts, directly or through functions that it calls; "" if not.

    running: whether a body that cannot be read counts as acting; for planning it is only searched for names. The label
    VOLATILE of a function that is called inside does not count: its own body is read.
    """
    if function.shipped:
        return ""
    if reason := _unreadable(function, running):
        return reason
    seen = {function.name}
    bodies = [function.body]
    while names := {quoted or plain.lower() for body in bodies for quoted, plain in _CALL.findall(body)} - seen:
        seen |= names
        inner = [_called(row) for row in await connection.fetch(_NAMED, sorted(names))]
        for called in inner:
            if reason := _acting(called) if called.shipped else _unreadable(called, running):
                return f"calls {called.signature}, which {reason}"
        bodies = [called.body for called in inner if not called.shipped]
    return ""


def _unreadable(function: Called, running: bool) -> str:
    """Why nothing can be said of the body of a function of the user's own; "" when it can be read."""
    if running and function.language not in ("sql", "plpgsql"):
        return f"is written in {function.language} and cannot be looked into"
    dynamic = function.language == "plpgsql" and _DYNAMIC.search(function.body)
    return "runs SQL that it puts together (EXECUTE)" if dynamic else ""
