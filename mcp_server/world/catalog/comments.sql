-- Comments on everything, gathered by object.
select 'M', d.objoid, string_agg(concat(
    d.classoid, :us, d.objsubid, :us, translate(d.description, :us || :rs || :gs, '')), :rs)
from pg_catalog.pg_description d
where /*all*/ d.objoid >= 16384 or d.objoid = 2200
    /*one*/ d.objoid = any(array(
        select unnest(:relations)
        union all select k.oid from pg_catalog.pg_constraint k where k.conrelid = any(:relations)
        union all select i.indexrelid from pg_catalog.pg_index i where i.indrelid = any(:relations)
        union all select t.oid from pg_catalog.pg_trigger t where t.tgrelid = any(:relations)
        union all select p.oid from pg_catalog.pg_policy p where p.polrelid = any(:relations)
        union all select a.atttypid from pg_catalog.pg_attribute a
            where a.attrelid = any(:relations) and a.atttypid >= 16384)) /*end*/
group by d.objoid
