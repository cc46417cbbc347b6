-- What belongs to an extension, and is therefore left out: relations, types, schemas, event triggers, ...
select 'K', d.refobjid, string_agg(concat(d.classid, ' ', d.objid), :rs)
from pg_catalog.pg_depend d
where d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'e'
group by d.refobjid
