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
from mcp_server.model.names import literal
from mcp_server.world.bodies import (
    ACTING_THOUGH_STABLE,
    FACTS,
    OF_TABLES,
    Called,
    acting,
    acting_body,
    acting_when_planned,
    called,
)
from mcp_server.world.catalog import read_rows
from mcp_server.world.sql import scan

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

# Words in the body of a function that make a closer look worth while, before its statement is planned.
_SUSPICIOUS = (
    r"\m(dblink|postgres_fdw|pg_(try_)?advisory|pg_terminate|pg_cancel|pg_notify|nextval|setval|set_config|lo_|pg_reload"
    r"|pg_rotate|pg_switch|pg_logical|pg_create|pg_drop|pg_replication|pg_wal|pg_promote|pg_read|pg_ls|pg_export"
    r"|pg_stat_reset|pg_log|http|net|query_to_xml|txid_current|pg_current_xact_id|crosstab|perform|execute|copy)"
)

_OWN_FUNCTIONS = """
    select p.oid, p.proname, p.provolatile = 'v' as is_volatile, l.lanname, p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), '')
           || coalesce(pg_get_expr(p.proargdefaults, 0), '') as body
    from pg_proc p join pg_language l on l.oid = p.prolang
    where p.oid >= 16384 and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)
      and not exists (select from pg_depend d
                      where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
"""
# What deserves a closer look before a statement is planned: whether any function that the planner might run does, and
# the checks of domains, which run when a literal of an array or a row is merely read.
_RISKS = rf"""
    with own as materialized ({_OWN_FUNCTIONS}),
    estimating as (select oprcode from pg_operator where oid >= 16384 and (oprrest <> 0 or oprjoin <> 0)),
    names as (
        select proname as name from own where is_volatile
        union select relname from pg_class where oid >= 16384 and relkind = 'v'
        union select relname from pg_class where oid >= 16384 and relrowsecurity
        union select t.typname from pg_cast c join pg_type t on t.oid in (c.castsource, c.casttarget)
              where c.oid >= 16384 and c.castfunc >= 16384 and t.oid >= 16384
    ),
    suspects as (select count(*) as number, string_agg(regexp_replace(name, '\W', '.', 'g'), '|') as names from names)
    select 'planning' as signature, '' as name, '' as volatility, 'sql' as language, 'own' as origin, '' as body
    where exists (
        select from own, suspects
        where (not own.is_volatile or own.lanname = 'sql' or own.oid in (select oprcode from estimating))
          and (suspects.number > 300 or own.body ~* {literal(_SUSPICIOUS)} or own.body ~* ('\m(' || suspects.names || ')\M')
               or exists (select from pg_operator o join own f on f.oid = o.oprcode where strpos(own.body, o.oprname) > 0)))
    union all
    select 'domain ' || format_type(c.contypid, null), c.conname, 's', 'sql', 'own', pg_get_constraintdef(c.oid)
    from pg_constraint c
    where c.contypid >= 16384 and c.contype = 'c' and (
        pg_get_constraintdef(c.oid) ~* {literal(_SUSPICIOUS)}
        or exists (select from pg_depend d where d.classid = 'pg_constraint'::regclass and d.objid = c.oid
                   and d.refobjid >= 16384 and d.refclassid in ('pg_proc'::regclass, 'pg_operator'::regclass)))
"""
_CALLED = f"""
    with operators as (
        select oprcode as oid from pg_operator where oid = any({{operators}})
    ), named as (
        select unnest({{functions}}) as oid union select oid from operators
        union select unnest(array[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,
                                  aggminvtransfn, aggmfinalfn]::oid[])
              from pg_aggregate where aggfnoid = any({{functions}})
        union select s.amproc from pg_amproc s join pg_amop o on o.amopfamily = s.amprocfamily
              where o.amopopr = any({{operators}}) and s.amproc >= 16384
    ), aside as (
        select oid from ({OF_TABLES.format(roots="select unnest({relations}) as oid")}) of_tables
    )
    select facts.*, facts.number in (select oid from operators) as estimates,
           facts.number not in (select oid from named) as aside
    from ({FACTS.replace("select p.oid::regprocedure", "select p.oid as number, p.prokind, p.oid::regprocedure", 1)}) facts
    where facts.number in (select oid from named union select oid from aside) and facts.prokind <> 'a'
"""
_FUNCTION = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
_OPERATOR = re.compile(r":(?:opno|eqop|sortop) (\d+)")
_OPERATORS = re.compile(r":opnos \(o ([\d ]+)\)")
_RELATION = re.compile(r":relid (\d+)")


WITHOUT_ANALYZE = (
    "Leave analyze out to see the estimated plan, or run it on a copy of the database. A function that only reads can "
    "be labelled STABLE."
)
_OF_SEQUENCES = frozenset({"nextval", "setval", "currval", "lastval"})


class NeedsCopy(Refused):
    """Running the statement could change something; on a throw-away copy it may."""


@dataclass(frozen=True, slots=True)
class Risks:
    """What in a database deserves a closer look. planning: a function that planning might run. domains: their checks."""

    planning: bool
    domains: tuple[Called, ...]


async def refuse_acting_when_read(connection: Connection) -> Risks:
    """Raise Refused when merely reading a literal could run the check of a domain that acts; else what else to look at.

    connection: inside a read_only() transaction.
    """
    rows = await read_rows(connection, _RISKS)
    domains = tuple(called(row) for row in rows if row["signature"] != "planning")
    for domain in domains:
        if reason := await acting_body(connection, domain, running=False):
            raise Refused(
                f"Reading a literal could run the check of {domain.signature}, which {reason}; a read-only transaction "
                f"does not stop that.",
                "Explain the query on a copy of the database that has no such domain.",
            )
    return Risks(len(domains) < len(rows), domains)


async def refuse_acting_in_planning(connection: Connection, query: str, risks: Risks) -> None:
    """Raise Refused when merely planning the query could run a function that acts. query: what stands behind EXPLAIN."""
    if not risks.planning and not any(ACTING_THOUGH_STABLE.fullmatch(token.word) for token in scan(query)):
        return
    for function in await _called_by(connection, await _read_tree(connection, query)):
        if reason := await acting_when_planned(connection, function):
            raise Refused(
                f"Planning alone could run {function.signature}, which {reason}; a read-only transaction does not stop "
                f"that.",
                "Label the function VOLATILE, so that the planner leaves it alone, or explain the query on a copy.",
            )


async def refuse_acting_when_run(
    connection: Connection,
    query: str,
    *,
    on_copy: bool = False,
    is_mighty: bool = False,
    running: str = "ANALYZE",
    instead: str = WITHOUT_ANALYZE,
) -> None:
    """Raise NeedsCopy when running the query would call a function that is not known to read only.

    on_copy: on a throw-away copy, as a role that owns nothing else, the user's own functions and sequences may act; what
    Postgres and extensions bring may not, for it can reach past the copy. is_mighty: the role there may do more, so that the
    user's own functions are looked into. running, instead: what would run it, and what to
    do instead, in the words of the refusal.
    """
    for function in await _called_by(connection, await _read_tree(connection, query)):
        is_own = not function.shipped and not is_mighty
        if on_copy and (is_own or function.name in _OF_SEQUENCES):
            continue
        if reason := await _acting_when_run(connection, function):
            raise NeedsCopy(
                f"{running} would run {function.signature}, which {reason}. Its effects could outlive the rollback.",
                instead,
            )


async def _acting_when_run(connection: Connection, function: Called) -> str:
    if function.aside:
        return await acting_when_planned(connection, function)
    return acting(function) or await acting_body(connection, function, running=True)


async def _read_tree(connection: Connection, query: str) -> str:
    """The rewritten tree that the server makes of a query, as text."""
    trees: list[str] = []

    def keep(_: object, message: object) -> None:
        if "rewritten parse tree" in str(getattr(message, "message", "")):
            trees.append(str(getattr(message, "detail", "")))

    connection.add_log_listener(keep)
    try:
        await connection.fetch(
            """select pg_catalog.set_config('debug_print_rewritten', 'on', true), pg_catalog.set_config('debug_pretty_print', 'off', true),
                      pg_catalog.set_config('client_min_messages', 'log', true),
                      case when pg_catalog.current_setting('is_superuser')::boolean
                           then pg_catalog.set_config('log_min_messages', 'panic', true) end"""
        )
        await connection.prepare(query)
    finally:
        connection.remove_log_listener(keep)
    await connection.fetch("select pg_catalog.set_config('debug_print_rewritten', 'off', true)")
    if not trees:
        raise DatabaseError(
            "The server did not say which functions the statement calls, so it is not run.",
            "Leave analyze out to see the estimated plan.",
        )
    # The server breaks lines anywhere between words.
    return " ".join(" ".join(trees).split())


async def _called_by(connection: Connection, tree: str) -> list[Called]:
    operators = {*_OPERATOR.findall(tree), *(number for found in _OPERATORS.findall(tree) for number in found.split())}
    query = _CALLED.format(
        functions=_numbers(_FUNCTION.findall(tree)),
        operators=_numbers(operators),
        relations=_numbers(_RELATION.findall(tree)),
    )
    return [called(row) for row in await read_rows(connection, query)]


def _numbers(texts: Iterable[str]) -> str:
    return f"array[{', '.join(sorted({*texts} - {'0'}))}]::oid[]"
