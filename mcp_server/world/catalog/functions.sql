-- Functions, procedures, window functions and aggregates.
select 'F', p.oid, concat(
    p.pronamespace, :us, p.proname, :us, pg_get_function_identity_arguments(p.oid), :us, p.prokind, :us,
    pg_get_function_result(p.oid), :us, l.lanname, :us, p.provolatile, :us, p.prosecdef, :us, p.proowner, :us,
    :acl{p.proacl, 'f', p.proowner}, :us,
    case when p.prokind <> 'a' then pg_get_functiondef(p.oid) else (
        select concat(
            'CREATE OR REPLACE AGGREGATE ', quote_ident(n.nspname), '.', quote_ident(p.proname),
            '(', coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*'), ') (SFUNC = ', a.aggtransfn::regproc,
            ', STYPE = ', format_type(a.aggtranstype, null),
            case when a.aggfinalfn::oid <> 0 then ', FINALFUNC = ' || a.aggfinalfn::regproc end,
            case when a.aggfinalextra then ', FINALFUNC_EXTRA' end,
            case when a.aggcombinefn::oid <> 0 then ', COMBINEFUNC = ' || a.aggcombinefn::regproc end,
            case when a.aggserialfn::oid <> 0 then ', SERIALFUNC = ' || a.aggserialfn::regproc end,
            case when a.aggdeserialfn::oid <> 0 then ', DESERIALFUNC = ' || a.aggdeserialfn::regproc end,
            case when a.agginitval is not null then ', INITCOND = ' || quote_literal(a.agginitval) end,
            case when a.aggsortop <> 0 then ', SORTOP = ' || a.aggsortop::regoper end,
            case p.proparallel when 's' then ', PARALLEL = SAFE' when 'r' then ', PARALLEL = RESTRICTED' end,
            case when a.aggkind = 'h' then ', HYPOTHETICAL' end, ')')
        from pg_catalog.pg_aggregate a
        join pg_catalog.pg_namespace n on n.oid = p.pronamespace
        where a.aggfnoid = p.oid)
    end)
from pg_catalog.pg_proc p
join pg_catalog.pg_language l on l.oid = p.prolang
where p.oid >= 16384 and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype in ('e', 'i'))
