-- Schemas, without Postgres's own.
select 'S', n.oid, concat(n.nspname, :us, n.nspowner, :us, :acl{n.nspacl, 'n', n.nspowner})
from pg_catalog.pg_namespace n
where left(n.nspname, 3) <> 'pg_' and n.nspname <> 'information_schema'
