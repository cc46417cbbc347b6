-- Default privileges: for one schema they add to nothing, for all schemas they replace Postgres's own.
select 'd', d.oid, concat(
    d.defaclrole, :us, n.nspname, :us, d.defaclobjtype, :us,
    case when d.defaclnamespace <> 0 then :acl{d.defaclacl, 'c', 0}
        else :acl{d.defaclacl, case d.defaclobjtype when 'S' then 's' else d.defaclobjtype end, d.defaclrole} end)
from pg_catalog.pg_default_acl d
left join pg_catalog.pg_namespace n on n.oid = d.defaclnamespace
