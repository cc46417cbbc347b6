-- Foreign keys that point at some relations: by pg_depend, because pg_constraint has no index on confrelid.
select distinct 'incoming', k.oid, concat(n.nspname, :us, c.relname, :us, k.conname, :us, tn.nspname, :us, t.relname, :us,
    (select string_agg(a.attname, :gs order by place) from unnest(k.conkey) with ordinality x(number, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = number), :us,
    (select string_agg(a.attname, :gs order by place) from unnest(k.confkey) with ordinality x(number, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = number), :us,
    pg_get_constraintdef(k.oid))
from pg_catalog.pg_depend d
join pg_catalog.pg_constraint k on k.oid = d.objid and k.contype = 'f' and k.confrelid = d.refobjid and k.conparentid = 0
join pg_catalog.pg_class c on c.oid = k.conrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class t on t.oid = k.confrelid
join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
where d.classid = 'pg_constraint'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = any(:relations)
union all
-- Views that read them.
select 'dependents', d.refobjid, concat(tn.nspname, :us, t.relname, :us,
    string_agg(distinct concat(n.nspname, :gs, c.relname), :rs))
from pg_catalog.pg_depend d
join pg_catalog.pg_rewrite w on w.oid = d.objid and w.ev_class <> d.refobjid
join pg_catalog.pg_class c on c.oid = w.ev_class and c.relkind in ('v', 'm')
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_class t on t.oid = d.refobjid
join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = any(:relations)
group by d.refobjid, tn.nspname, t.relname
union all
-- All their partitions.
select 'partition', c.oid, concat(n.nspname, :us, c.relname, :us, tn.nspname, :us, t.relname, :us,
    pg_get_expr(c.relpartbound, 0), :us, case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_inherits h on h.inhrelid = c.oid
join pg_catalog.pg_class t on t.oid = h.inhparent
join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
where c.oid = any(array(
    select p.relid from unnest(:relations) r(number), pg_partition_tree(number) p where p.level > 0))
union all
-- The functions that their triggers call.
select distinct 'called', f.oid, concat(n.nspname, :us, f.proname, :us, l.lanname, :us, f.provolatile, :us, f.prosecdef, :us,
    pg_get_functiondef(f.oid))
from pg_catalog.pg_trigger g
join pg_catalog.pg_proc f on f.oid = g.tgfoid
join pg_catalog.pg_namespace n on n.oid = f.pronamespace
join pg_catalog.pg_language l on l.oid = f.prolang
where g.tgrelid = any(:relations) and not g.tgisinternal and f.oid >= 16384
