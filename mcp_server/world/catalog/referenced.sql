-- Tables that foreign keys of the asked-for relations point at: names of the table and of its columns.
select 'B', c.oid, concat(n.nspname, :us, c.relname, :us, (
    select string_agg(concat(a.attnum, :gs, a.attname), :rs) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any(array(
    select k.confrelid from pg_catalog.pg_constraint k where k.conrelid = any(:relations) and k.contype = 'f'
    union all
    select h.inhparent from pg_catalog.pg_inherits h where h.inhrelid = any(:relations)))
