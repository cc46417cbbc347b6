-- Sequences, with the column that each belongs to: deptype a for an owned one, i for an identity column's.
select 'Q', s.seqrelid, concat(
    c.relnamespace, :us, c.relname, :us, format_type(s.seqtypid, null), :us, s.seqstart, :us, s.seqincrement, :us,
    s.seqmin, :us, s.seqmax, :us, s.seqcache, :us, s.seqcycle, :us, c.relpersistence, :us, c.relowner, :us,
    d.deptype, :us, d.refobjid, :us, d.refobjsubid, :us, :acl{c.relacl, 's', c.relowner})
from pg_catalog.pg_sequence s
join pg_catalog.pg_class c on c.oid = s.seqrelid
left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = s.seqrelid
    and d.deptype in ('a', 'i') and d.refclassid = 'pg_catalog.pg_class'::regclass
/*all*/ /*one*/ where s.seqrelid = any(array(
    select d.objid from pg_catalog.pg_depend d
    where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = any(:relations)
        and d.classid = 'pg_catalog.pg_class'::regclass and d.deptype in ('a', 'i'))) /*end*/
