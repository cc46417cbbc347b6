-- Extended statistics objects.
select 'Z', x.stxrelid, string_agg(concat(
    x.stxnamespace, :us, x.stxname, :us, x.stxowner, :us, nullif(x.stxstattarget, -1), :us, x.oid, :us,
    pg_get_statisticsobjdef(x.oid)), :rs)
from pg_catalog.pg_statistic_ext x
where /*all*/ x.stxrelid >= 16384 /*one*/ x.stxrelid = any(:relations) /*end*/
group by x.stxrelid
