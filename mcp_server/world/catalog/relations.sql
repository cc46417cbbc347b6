-- Relations: tables, partitioned and foreign tables, views, materialised views, composite types.
select 'R', c.oid, concat(
    c.relnamespace, :us, c.relname, :us, c.relkind, :us, c.relpersistence, :us, c.relreplident, :us,
    c.relrowsecurity, :us, c.relforcerowsecurity, :us, c.relowner, :us, c.relam, :us, c.reltablespace, :us,
    array_to_string(c.reloptions, :rs), :us,
    case when c.relispartition then pg_get_expr(c.relpartbound, 0) end, :us,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end, :us,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end, :us,
    c.relispopulated, :us, c.reltype, :us, t.typarray, :us,
    case when c.reloftype <> 0 then format_type(c.reloftype, null) end, :us,
    case when c.relreplident = 'i' then (
        select x.relname from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisreplident limit 1) end, :us,
    case when c.relkind = 'f' then (
        select concat(quote_ident(s.srvname), :rs, array_to_string(f.ftoptions, :rs))
        from pg_catalog.pg_foreign_table f join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
        where f.ftrelid = c.oid) end, :us,
    :acl{c.relacl, 'r', c.relowner})
from pg_catalog.pg_class c
left join pg_catalog.pg_type t on t.oid = c.reltype
where c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
    and /*all*/ c.oid >= 16384 /*one*/ c.oid = any(:relations) /*end*/
