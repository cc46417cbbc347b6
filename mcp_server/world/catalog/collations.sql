-- Collations that a column or an index can name.
select 'L', o.oid, concat(o.collnamespace, :us, o.collname)
from pg_catalog.pg_collation o
where /*all*/ true
    /*one*/ o.oid in (
        select a.attcollation from pg_catalog.pg_attribute a where a.attrelid = any(:relations)
        union all
        select unnest(i.indcollation::oid[]) from pg_catalog.pg_index i where i.indrelid = any(:relations)) /*end*/
