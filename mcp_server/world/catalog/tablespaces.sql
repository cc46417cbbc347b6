-- Tablespaces other than the default one.
select 't', o.oid, o.spcname::text
from pg_catalog.pg_tablespace o
where o.oid >= 16384
