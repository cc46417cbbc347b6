-- Comments on everything, gathered by object.
select 'M', d.objoid, string_agg(concat(
    d.classoid, :us, d.objsubid, :us, translate(d.description, :us || :rs || :gs, '')), :rs)
from pg_catalog.pg_description d
where /*all*/ d.objoid >= 16384 or d.objoid = 2200
    /*one*/ d.objoid = any(:relations)
    or d.objoid in (select k.oid from pg_catalog.pg_constraint k where k.conrelid = any(:relations))
    or d.objoid in (select i.indexrelid from pg_catalog.pg_index i where i.indrelid = any(:relations))
    or d.objoid in (select t.oid from pg_catalog.pg_trigger t where t.tgrelid = any(:relations))
    or d.objoid in (select p.oid from pg_catalog.pg_policy p where p.polrelid = any(:relations))
    or d.objoid in (select a.atttypid from pg_catalog.pg_attribute a where a.attrelid = any(:relations) and a.atttypid >= 16384) /*end*/
group by d.objoid
