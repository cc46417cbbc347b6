-- Columns, a record each, gathered by relation. A type without modifier stands as its oid.
select 'A', a.attrelid, string_agg(concat(
    a.attnum, :us, a.attname, :us,
    case when a.atttypmod < 0 then a.atttypid::text else format_type(a.atttypid, a.atttypmod) end, :us,
    a.atttypid, :us, a.attnotnull, :us, a.attidentity, :us, a.attgenerated, :us, a.attcollation, :us,
    a.attstorage, :us, a.attcompression, :us, nullif(a.attstattarget, -1), :us, a.attislocal, :us,
    array_to_string(a.attoptions || a.attfdwoptions, :gs), :us,
    case when a.attacl is null then '' else :acl{a.attacl, 'c', 0} end), :rs)
from pg_catalog.pg_attribute a
/*all*/ join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
where a.attrelid >= 16384
/*one*/ where a.attrelid = any(:relations) /*end*/
    and a.attnum > 0 and not a.attisdropped
group by a.attrelid
