"""What stands on a table or column and would keep Postgres from dropping it: asked of pg_depend, not guessed from text."""

from __future__ import annotations

from collections.abc import Iterable

import asyncpg

from mcp_server.model.migration import Held
from mcp_server.model.schema import Column, SchemaObject, Table
from mcp_server.world.database import translating

# Views and rules, policies, triggers, functions with a parsed body, row filters and column lists of publications,
# inheriting tables. What hangs on a table that goes as well holds nothing.
HOLDERS = """
with tables as (
    select to_regclass(name)::oid as relation, name as identity from unnest($1::text[]) name
), gone as (
    select relation, 0 as number, identity, 'table' as word from tables
    union all
    select a.attrelid, a.attnum, c.identity, 'column'
    from unnest($2::text[], $3::text[], $4::text[]) c(relation, name, identity)
    join pg_attribute a on a.attrelid = to_regclass(c.relation) and a.attname = c.name
), used as (
    select g.word, g.identity, d.classid, d.objid
    from gone g
    join pg_depend d on d.deptype = 'n' and (
        (d.refclassid = 'pg_class'::regclass and d.refobjid = g.relation and (g.number = 0 or d.refobjsubid = g.number))
        or (g.number = 0 and d.refclassid = 'pg_type'::regclass
            and d.refobjid in (select t.oid from pg_type t where t.typrelid = g.relation
                               union all select t.typarray from pg_type t where t.typrelid = g.relation))
    )
), holders as (
    select u.word, u.identity, coalesce(r.ev_class, p.polrelid, t.tgrelid, pr.prrelid, i.inhrelid) as relation,
           case when r.rulename = '_RETURN' then 'view ' || r.ev_class::regclass
                else pg_describe_object(u.classid, u.objid, 0) end as holder
    from used u
    left join pg_rewrite r on u.classid = 'pg_rewrite'::regclass and r.oid = u.objid
    left join pg_policy p on u.classid = 'pg_policy'::regclass and p.oid = u.objid
    left join pg_trigger t on u.classid = 'pg_trigger'::regclass and t.oid = u.objid and not t.tgisinternal
    left join pg_publication_rel pr on u.classid = 'pg_publication_rel'::regclass and pr.oid = u.objid
    left join pg_inherits i on u.classid = 'pg_class'::regclass and i.inhrelid = u.objid
    left join pg_proc f on u.classid = 'pg_proc'::regclass and f.oid = u.objid
    where coalesce(r.oid, p.oid, t.oid, pr.oid, i.inhrelid, f.oid) is not null
)
select word, identity, array_agg(distinct holder order by holder) as holders
from holders
where relation is null or relation not in (select relation from tables where relation is not null)
group by 1, 2
order by 1, 2
"""


async def find_holders(
    connection: asyncpg.Connection[asyncpg.Record], gone: Iterable[SchemaObject]
) -> tuple[Held, ...]:
    """Those of the tables and columns among `gone` that something else stands on. One round trip."""
    items = tuple(gone)
    tables = [item.identity for item in items if isinstance(item, Table)]
    columns = [item for item in items if isinstance(item, Column) and item.table not in tables]
    if not tables and not columns:
        return ()
    with translating("looking for what stands on what"):
        async with connection.transaction(readonly=True):
            await connection.execute("set local search_path = pg_catalog")
            rows = await connection.fetch(
                HOLDERS,
                tables,
                [item.table for item in columns],
                [item.name for item in columns],
                [item.identity for item in columns],
            )
    return tuple(Held(row["word"], row["identity"], tuple(row["holders"])) for row in rows)
