-- Defaults and generation expressions. Without a column reference the relation need not be opened, which is four times cheaper.
select 'D', d.adrelid, string_agg(concat(
    d.adnum, :us,
    pg_get_expr(d.adbin, case when d.adbin::text like '%{VAR %' then d.adrelid else 0 end)), :rs)
from pg_catalog.pg_attrdef d
where /*all*/ d.adrelid >= 16384 /*one*/ d.adrelid = any(:relations) /*end*/
group by d.adrelid
