-- Roles, to name owners and grantees.
select 'o', o.oid, o.rolname::text
from pg_catalog.pg_roles o
