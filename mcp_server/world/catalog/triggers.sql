-- Triggers on tables and views.
select 'G', t.tgrelid, string_agg(concat(
    t.tgname, :us, t.tgenabled, :us, t.tgparentid <> 0, :us, t.oid, :us, pg_get_triggerdef(t.oid)), :rs)
from pg_catalog.pg_trigger t
where not t.tgisinternal
    and /*all*/ t.tgrelid >= 16384 /*one*/ t.tgrelid = any(:relations) /*end*/
group by t.tgrelid
