-- Publications, each table with its columns and row filter.
select 'U', p.oid, concat(
    p.pubname, :us, p.puballtables, :us, p.pubowner, :us,
    concat_ws(' ', case when p.pubinsert then 'insert' end, case when p.pubupdate then 'update' end,
        case when p.pubdelete then 'delete' end, case when p.pubtruncate then 'truncate' end), :us,
    p.pubviaroot, :us, (
        select string_agg(concat(
            r.prrelid::regclass,
            /*since 15*/ (select ' (' || string_agg(quote_ident(a.attname), ', ' order by k.n) || ')'
                from unnest(r.prattrs::int2[]) with ordinality k(attnum, n)
                join pg_catalog.pg_attribute a on a.attrelid = r.prrelid and a.attnum = k.attnum)
            /*else*/ '' /*end*/,
            /*since 15*/ case when r.prqual is not null then ' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')' end
            /*else*/ '' /*end*/), :rs order by r.prrelid::regclass::text)
        from pg_catalog.pg_publication_rel r where r.prpubid = p.oid), :us,
    /*since 15*/ (select string_agg(quote_ident(n.nspname), :rs order by n.nspname)
        from pg_catalog.pg_publication_namespace s join pg_catalog.pg_namespace n on n.oid = s.pnnspid
        where s.pnpubid = p.oid) /*else*/ '' /*end*/)
from pg_catalog.pg_publication p
