-- Rewrite rules other than those that make a view.
select 'W', r.ev_class, string_agg(concat(r.rulename, :us, r.ev_enabled, :us, r.oid, :us, pg_get_ruledef(r.oid)), :rs)
from pg_catalog.pg_rewrite r
where r.rulename <> '_RETURN'
    and /*all*/ r.ev_class >= 16384 /*one*/ r.ev_class = any(:relations) /*end*/
group by r.ev_class
