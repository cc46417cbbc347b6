-- Extensions, with the names of their members.
select 'X', e.oid, concat(e.extname, :us, e.extversion, :us, e.extnamespace, :us, (
    select string_agg(pg_describe_object(d.classid, d.objid, 0), :rs)
    from pg_catalog.pg_depend d
    where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid and d.deptype = 'e'
        and e.extname <> 'plpgsql'))
from pg_catalog.pg_extension e
