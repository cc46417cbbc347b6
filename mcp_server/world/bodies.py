"""What the user's own bodies could do, as far as their words tell: functions, views, policies, checks, expressions.

A body is cut into tokens by Postgres's scanner. Whatever its words, calls and operators can mean anywhere in the
database is looked into in turn. So a body is suspected more often than it is guilty, and for a body that puts SQL
together nothing is said at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mcp_server.errors import StatementFailed
from mcp_server.model.names import literal, split
from mcp_server.world.catalog import read_rows
from mcp_server.world.sql import Token, scan

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
# Labelled STABLE, yet they take a transaction id, or run a view or SQL that they are given as text.
ACTING_THOUGH_STABLE = re.compile(
    r"txid_current|pg_current_xact_id|crosstab\w*|connectby|xpath_table|(?:table|schema|database)_to_xml(?:_and_xmlschema)?"
)
_NAME = re.compile(r'[a-z_\x80-\U0010ffff"]')
_WORD = re.compile(r"\w+|[^\w\s]")
_ORIGIN = """case when p.oid < 16384 then 'postgres' when exists (
    select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
    then 'extension' else 'own' end"""
FACTS = f"""
    select p.oid::regprocedure::text as signature, p.proname::text as name, p.provolatile::text as volatility,
           l.lanname::text as language, {_ORIGIN} as origin,
           case when p.oid >= 16384 then coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) end as body,
           pg_get_expr(p.proargdefaults, 0) as defaults
    from pg_proc p join pg_language l on l.oid = p.prolang
"""
# Expressions of a table that are simplified whenever a statement on it is planned, in its partitions and heirs, too.
OF_TABLES = """
    with recursive family as (
        {roots}
        union select i.inhrelid from pg_inherits i join family f on i.inhparent = f.oid
    ), part as (
        select 'pg_class'::regclass::oid as classid, oid as objid from family
        union all select 'pg_class'::regclass::oid, i.indexrelid from pg_index i join family f on f.oid = i.indrelid
        union all select 'pg_constraint'::regclass::oid, c.oid
                  from pg_constraint c join family f on f.oid = c.conrelid where c.contype = 'c'
        union all select 'pg_statistic_ext'::regclass::oid, s.oid from pg_statistic_ext s join family f on f.oid = s.stxrelid
        union all select 'pg_attrdef'::regclass::oid, d.oid from pg_attrdef d join family f on f.oid = d.adrelid
                  join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum where a.attgenerated <> ''
    ), needed as (
        select d.refclassid, d.refobjid from pg_depend d join part using (classid, objid) where d.refobjid >= 16384
    )
    select refobjid as oid from needed where refclassid = 'pg_proc'::regclass
    union select o.oprcode from pg_operator o join needed n on n.refobjid = o.oid and n.refclassid = 'pg_operator'::regclass
"""
_REACHED = f"""
    {FACTS} where p.prokind <> 'a' and (
        p.proname = any({{calls}})
        or p.oid in (select oprcode from pg_operator where oid >= 16384 and oprname = any({{symbols}}))
        or p.oid in (select c.castfunc from pg_cast c join pg_type t on t.oid in (c.castsource, c.casttarget)
                     where c.oid >= 16384 and t.oid >= 16384 and t.typname = any({{words}}))
        or p.oid in (select unnest(array[a.aggtransfn, a.aggfinalfn, a.aggcombinefn]::oid[]) from pg_aggregate a
                     join pg_proc f on f.oid = a.aggfnoid where f.oid >= 16384 and f.proname = any({{calls}}))
        or p.oid in (select oid from (
            {OF_TABLES.format(roots="select oid from pg_class where oid >= 16384 and relname = any({words})")}) of_tables))
    union all
    select 'view ' || c.oid::regclass, c.relname::text, 's', 'sql', 'own', pg_get_viewdef(c.oid), null
    from pg_class c where c.oid >= 16384 and c.relkind = 'v' and c.relname = any({{words}})
    union all
    select 'policy ' || quote_ident(y.polname), y.polname::text, 's', 'sql', 'own', pg_get_expr(y.polqual, y.polrelid), null
    from pg_policy y join pg_class c on c.oid = y.polrelid where c.relrowsecurity and c.relname = any({{words}})
"""


@dataclass(frozen=True, slots=True)
class Called:
    """A function that a statement calls, or another body that it brings along. origin: "postgres", "extension" or "own".

    estimates: an operator stands for it, which the planner tries on statistics whatever the label says. aside: it stands
    in an index or a check of a table, and not in the statement.
    """

    signature: str
    name: str
    volatile: bool
    language: str
    origin: str
    body: str
    defaults: str = ""
    estimates: bool = False
    aside: bool = False

    @property
    def shipped(self) -> bool:
        """Whether it came with Postgres or an extension, so that its label is believed."""
        return self.origin != "own"

    @property
    def planned(self) -> bool:
        """Whether the planner might run it."""
        return not self.volatile or (self.estimates and not self.shipped)


def called(row: dict[str, Any]) -> Called:
    """A row of FACTS as a value."""
    return Called(
        signature=row["signature"].removeprefix("public."),
        name=row["name"],
        volatile=row["volatility"] == "v",
        language=row["language"],
        origin=row["origin"],
        body=row["body"] or "",
        defaults=row.get("defaults") or "",
        estimates=bool(row.get("estimates")),
        aside=bool(row.get("aside")),
    )


def acting(function: Called) -> str:
    """Why a function may act, by its label and its name alone; "" when it does not."""
    if function.shipped:
        if function.volatile and not HARMLESS[function.origin].fullmatch(function.name):
            return "is VOLATILE and may change what no rollback takes back"
        return "acts though it is labelled STABLE" if ACTING_THOUGH_STABLE.fullmatch(function.name) else ""
    return "is labelled VOLATILE (the default)" if function.volatile else ""


async def acting_body(connection: Connection, function: Called, *, running: bool) -> str:
    """Why a body of the user's own acts, directly or through what it calls; "" if not.

    running: whether a body that cannot be read counts as acting; for planning it is only searched for names. The label
    VOLATILE of a function that is called inside does not count: its own body is read.
    """
    if function.shipped:
        return ""
    if reason := _unreadable(function, running):
        return reason
    seen, level = {function.signature}, [function]
    while level:
        reached = [one for one in await reach(connection, level) if one.signature not in seen]
        for one in reached:
            if reason := acting(one) if one.shipped else _unreadable(one, running):
                return f"calls {one.signature}, which {reason}"
        seen.update(one.signature for one in reached)
        level = [one for one in reached if not one.shipped]
    return ""


async def acting_when_planned(connection: Connection, function: Called) -> str:
    """Why planning a call of this function could act; "" if not.

    The planner runs what is not volatile, and puts the body of an SQL function in the place of its call.
    """
    seen, level = {function.signature}, [function]
    while level:
        for one in level:
            if one.planned and (
                reason := acting(one) if one.shipped else await acting_body(connection, one, running=False)
            ):
                return reason if one is function else f"calls {one.signature}, which {reason}"
        inlined = [one for one in level if not one.shipped and one.volatile and one.language == "sql"]
        level = [one for one in await reach(connection, inlined) if one.signature not in seen]
        seen.update(one.signature for one in level)
    return ""


async def reach(connection: Connection, bodies: Sequence[Called]) -> list[Called]:
    """Whatever the words of these bodies can mean in this database."""
    tokens = [_tokens(text, one.language) for one in bodies for text in (one.body, one.defaults) if text]
    words = {name for each in tokens for token in each if (name := _name(token))}
    calls = {name for each in tokens for name in _calls(each)}
    symbols = {
        token.text for each in tokens for token in each if not _name(token) and token.text[0] not in "'$0123456789"
    }
    if not words:
        return []
    query = _REACHED.format(words=_array(words), calls=_array(calls), symbols=_array(symbols))
    return [called(row) for row in await read_rows(connection, query)]


def _tokens(text: str, language: str = "sql") -> Sequence[Token]:
    """The tokens of a body; none when it is SQL or PL/pgSQL that cannot be read."""
    try:
        return scan(text)
    except StatementFailed:
        found = _WORD.finditer(text) if language not in ("sql", "plpgsql") else ()
        return [Token(one[0], one[0].lower(), *one.span()) for one in found]


def _calls(tokens: Sequence[Token]) -> Iterable[str]:
    """Names that stand before a parenthesis or, as `row.function` calls it too, behind a point."""
    for before, token in pairwise(tokens):
        if token.text == "(" and (name := _name(before)):
            yield name
        if before.text == "." and (name := _name(token)):
            yield name


def _name(token: Token) -> str:
    """The name that a token is, "" for anything else."""
    return (split(token.word) or ("",))[0] if _NAME.match(token.word) else ""


def _array(texts: Iterable[str]) -> str:
    return f"array[{', '.join(map(literal, sorted(texts)))}]::text[]"


def _unreadable(function: Called, running: bool) -> str:
    """Why nothing can be said of the body of a function of the user's own; "" when it can be read."""
    if running and function.language not in ("sql", "plpgsql"):
        return f"is written in {function.language} and cannot be looked into"
    if function.language not in ("sql", "plpgsql"):
        return ""
    tokens = [*_tokens(function.body), *_tokens(function.defaults)]
    if function.body.strip() and not tokens:
        return "has a body that cannot be read"
    if function.language == "plpgsql" and any(token.word == "execute" for token in tokens):
        return "runs SQL that it puts together (EXECUTE)"
    return "writes names in escapes (U&)" if any(token.text[:3] in ('U&"', 'u&"') for token in tokens) else ""
