-- Access methods of tables and indexes.
select 'm', o.oid, o.amname::text
from pg_catalog.pg_am o
