-- Objects of kinds that are only named.
select 'V', o.objid, concat(o.kind, :us, pg_describe_object(o.classid, o.objid, 0), :us, o.classid)
from (
    select 'operator' as kind, 'pg_catalog.pg_operator'::regclass::oid as classid, oid as objid from pg_catalog.pg_operator
    union all select 'operator class', 'pg_catalog.pg_opclass'::regclass, oid from pg_catalog.pg_opclass
    union all select 'cast', 'pg_catalog.pg_cast'::regclass, oid from pg_catalog.pg_cast
    union all select 'collation', 'pg_catalog.pg_collation'::regclass, oid from pg_catalog.pg_collation
    union all select 'conversion', 'pg_catalog.pg_conversion'::regclass, oid from pg_catalog.pg_conversion
    union all select 'foreign-data wrapper', 'pg_catalog.pg_foreign_data_wrapper'::regclass, oid from pg_catalog.pg_foreign_data_wrapper
    union all select 'foreign server', 'pg_catalog.pg_foreign_server'::regclass, oid from pg_catalog.pg_foreign_server
    union all select 'language', 'pg_catalog.pg_language'::regclass, oid from pg_catalog.pg_language
    union all select 'text search configuration', 'pg_catalog.pg_ts_config'::regclass, oid from pg_catalog.pg_ts_config
    union all select 'text search dictionary', 'pg_catalog.pg_ts_dict'::regclass, oid from pg_catalog.pg_ts_dict
    union all select 'access method', 'pg_catalog.pg_am'::regclass, oid from pg_catalog.pg_am
    union all select 'base type', 'pg_catalog.pg_type'::regclass, oid from pg_catalog.pg_type
        where typtype = 'b' and typcategory <> 'A'
) o
where o.objid >= 16384 and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = o.classid and d.objid = o.objid and d.deptype in ('e', 'i'))
