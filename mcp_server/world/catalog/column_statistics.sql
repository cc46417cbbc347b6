-- What ANALYZE knows of the columns of some tables, with the pages of each table; the names of all extensions; and the
-- functions of users that forbid parallel work.
select 'known', c.oid, concat(n.nspname, :us, c.relname, :us, c.relpages, :us, c.relallvisible, :us,
    coalesce(pg_stat_get_mod_since_analyze(c.oid), 0), :us,
    c.reltuples < 0 and c.relkind in ('r', 'm', 'f'), :us, (
    select string_agg(concat(a.attname, :gs, s.n_distinct, :gs, s.null_frac, :gs, s.avg_width, :gs, s.correlation), :rs)
    from pg_catalog.pg_attribute a
    left join pg_catalog.pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname
        and not s.inherited
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any(:relations)
union all
select 'extension', e.oid, e.extname::text
from pg_catalog.pg_extension e
union all
(select 'unsafe', p.oid, concat(p.proname, :us, p.oid::regprocedure)
from pg_catalog.pg_proc p
where p.oid >= 16384 and p.proparallel = 'u' and p.prokind = 'f' and p.prorettype <> 'trigger'::regtype
limit 2000)
