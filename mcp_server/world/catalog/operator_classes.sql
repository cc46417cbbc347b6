-- Operator classes, to tell which keys of an index need to name theirs.
select 'O', o.oid, concat(n.nspname, :us, o.opcname, :us, o.opcdefault, :us, o.opcintype)
from pg_catalog.pg_opclass o
join pg_catalog.pg_namespace n on n.oid = o.opcnamespace
where /*all*/ true
    /*one*/ o.oid = any(array(
        select unnest(i.indclass::oid[]) from pg_catalog.pg_index i where i.indrelid = any(:relations))) /*end*/
