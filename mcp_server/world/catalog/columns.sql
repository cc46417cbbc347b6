-- Columns, a record each, gathered by relation. What few columns have stands in one field of its own.
select 'A', a.attrelid, string_agg(concat(
    a.attnum, :us, a.attname, :us, a.atttypid, :us,
    case when a.atttypmod >= 0 then format_type(a.atttypid, a.atttypmod) end, :us,
    a.attnotnull, a.attislocal, a.attstorage, a.attidentity, a.attgenerated, :us, nullif(a.attcollation, 100), :us,
    case when a.attcompression <> '' or a.attstattarget >= 0 or a.attoptions is not null or a.attfdwoptions is not null
            or a.attacl is not null
        then concat(a.attcompression, :fs, nullif(a.attstattarget, -1), :fs,
            array_to_string(a.attoptions || a.attfdwoptions, :gs), :fs, :acl{a.attacl, 'c', 0}) end), :rs)
from pg_catalog.pg_attribute a
/*all*/ join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
where a.attrelid >= 16384
/*one*/ where a.attrelid = any(:relations) /*end*/
    and a.attnum > 0 and not a.attisdropped
group by a.attrelid
