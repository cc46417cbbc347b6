-- Types that a column can have, but for the row types of tables.
select 'Y', t.oid, concat(
    format_type(t.oid, -1), :us, t.typtype, :us, t.typnamespace, :us, t.typname, :us, t.typowner, :us,
    t.typstorage, :us, t.typcollation, :us,
    case when t.typtype = 'd' then concat(
        format_type(t.typbasetype, t.typtypmod), :rs, t.typnotnull, :rs,
        case when t.typdefaultbin is null then '' else '=' || pg_get_expr(t.typdefaultbin, 0) end, :rs,
        (select b.typcollation from pg_catalog.pg_type b where b.oid = t.typbasetype), :rs,
        (select string_agg(concat(k.conname, :gs, k.convalidated, :gs, pg_get_constraintdef(k.oid)), :fs order by k.conname)
            from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c'))
    when t.typtype = 'r' then (
        select concat(
            'SUBTYPE = ', format_type(r.rngsubtype, null),
            case when o.opcdefault then '' else ', SUBTYPE_OPCLASS = ' || quote_ident(n.nspname) || '.' || quote_ident(o.opcname) end,
            case when r.rngcollation in (0, s.typcollation) then '' else ', COLLATION = ' || r.rngcollation::regcollation end,
            case when r.rngcanonical::oid = 0 then '' else ', CANONICAL = ' || r.rngcanonical::text end,
            case when r.rngsubdiff::oid = 0 then '' else ', SUBTYPE_DIFF = ' || r.rngsubdiff::text end,
            ', MULTIRANGE_TYPE_NAME = ' || format_type(r.rngmultitypid, null))
        from pg_catalog.pg_range r
        join pg_catalog.pg_opclass o on o.oid = r.rngsubopc
        join pg_catalog.pg_namespace n on n.oid = o.opcnamespace
        join pg_catalog.pg_type s on s.oid = r.rngsubtype
        where r.rngtypid = t.oid)
    when t.typtype = 'e' then (
        select string_agg(e.enumlabel, :rs order by e.enumsortorder)
        from pg_catalog.pg_enum e where e.enumtypid = t.oid)
    end, :us,
    t.typrelid, :us, t.typcategory, :us, :acl{t.typacl, 'T', t.typowner})
from pg_catalog.pg_type t
where /*all*/ (t.typrelid = 0 or t.typrelid in (select c.oid from pg_catalog.pg_class c where c.relkind = 'c'))
    and not (t.typcategory = 'A' and exists (
        select from pg_catalog.pg_type e where e.oid = t.typelem and e.typrelid <> 0 and e.oid >= 16384 and not exists (
            select from pg_catalog.pg_class c where c.oid = e.typrelid and c.relkind = 'c')))
    /*one*/ t.oid = any(array(
        select a.atttypid from pg_catalog.pg_attribute a where a.attrelid = any(:relations) and a.attnum > 0
        union all
        select e.typelem from pg_catalog.pg_attribute a join pg_catalog.pg_type e on e.oid = a.atttypid
        where a.attrelid = any(:relations) and a.attnum > 0 and e.typelem <> 0)) /*end*/
