-- Row security policies.
select 'P', p.polrelid, string_agg(concat(
    p.polname, :us, p.polcmd, :us, p.polpermissive, :us, array_to_string(p.polroles, ' '), :us,
    pg_get_expr(p.polqual, p.polrelid), :us, pg_get_expr(p.polwithcheck, p.polrelid), :us, p.oid), :rs)
from pg_catalog.pg_policy p
where /*all*/ p.polrelid >= 16384 /*one*/ p.polrelid = any(:relations) /*end*/
group by p.polrelid
