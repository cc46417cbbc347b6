-- Constraints of tables. Keys and foreign keys stand raw, to be composed by the reader. Left out are those that Postgres makes on a
-- table itself for each partition of the table that its foreign key leads to, under names that nobody can choose.
-- A NOT NULL of a partition that its parent has too is the parent's, although a primary key of the partition may have said it as well.
select 'C', k.conrelid, string_agg(concat(
    k.conname, :us, k.contype, :us, k.condeferrable, :us, k.condeferred, :us, k.convalidated, :us,
    k.connoinherit, :us, (not k.conislocal or k.conparentid <> 0 or (k.contype = 'n' and k.coninhcount > 0 and exists (
        select from pg_catalog.pg_class c where c.oid = k.conrelid and c.relispartition))), :us,
    /*since 18*/ k.conenforced /*else*/ 't' /*end*/, :us,
    /*since 18*/ k.conperiod /*else*/ 'f' /*end*/, :us,
    array_to_string(k.conkey, ' '), :us, k.conindid, :us, k.oid, :us,
    case k.contype
        when 'f' then concat(
            k.confrelid, :gs, array_to_string(k.confkey, ' '), :gs, k.confupdtype, :gs, k.confdeltype, :gs, k.confmatchtype,
            :gs, /*since 15*/ array_to_string(k.confdelsetcols, ' ') /*else*/ '' /*end*/)
        when 'c' then pg_get_expr(k.conbin, k.conrelid)
        when 'x' then pg_get_constraintdef(k.oid)
    end), :rs)
from pg_catalog.pg_constraint k
where k.contype in ('p', 'u', 'f', 'c', 'x', 'n')
    and not exists (select from pg_catalog.pg_constraint above where above.oid = k.conparentid and above.conrelid = k.conrelid)
    and /*all*/ k.conrelid >= 16384 /*one*/ k.conrelid = any(:relations) /*end*/
group by k.conrelid
