-- How long the lists of GIN indexes are, by the extension pgstattuple; one page of each is read. Those that somebody locks are left out.
select n.nspname as schema, c.relname as name, (:tuples.pgstatginindex(c.oid::regclass)).pending_pages as pending
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_index x on x.indexrelid = c.oid and x.indisvalid
join pg_am m on m.oid = c.relam and m.amname = 'gin'
where c.relkind = 'i' and not exists (
    select from pg_locks l where l.mode = 'AccessExclusiveLock' and l.relation in (c.oid, x.indrelid))
order by c.relpages desc, c.oid
limit 200
