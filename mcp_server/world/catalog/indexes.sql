-- Indexes. Only expressions and predicates are deparsed; the rest stands raw, to be composed by the reader.
select 'I', i.indrelid, string_agg(concat(
    i.indexrelid, :us, c.relname, :us, c.relam, :us, i.indisunique, :us, i.indisvalid and i.indisready, :us, i.indisclustered, :us,
    /*since 15*/ i.indnullsnotdistinct /*else*/ 'f' /*end*/, :us,
    i.indnkeyatts, :us, i.indkey, :us, i.indoption, :us, i.indclass, :us, i.indcollation, :us,
    array_to_string(c.reloptions, :gs), :us, c.reltablespace, :us,
    case when c.relispartition then (
        select concat(quote_ident(n.nspname), '.', quote_ident(p.relname))
        from pg_catalog.pg_inherits h
        join pg_catalog.pg_class p on p.oid = h.inhparent
        join pg_catalog.pg_namespace n on n.oid = p.relnamespace
        where h.inhrelid = i.indexrelid) end, :us,
    case when i.indpred is not null then pg_get_expr(i.indpred, i.indrelid) end, :us,
    case when i.indexprs is not null then (
        select string_agg(pg_get_indexdef(i.indexrelid, position, false), :gs order by position)
        from generate_series(1, i.indnatts) position) end, :us,
    case when i.indexprs is not null or c.relam not in (403, 405) and exists (
        select from pg_catalog.pg_attribute a where a.attrelid = i.indexrelid and a.attoptions is not null)
        then pg_get_indexdef(i.indexrelid) end, :us,
    c.relkind), :rs)
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
where /*all*/ i.indrelid >= 16384 and c.relnamespace <> 99 /*one*/ i.indrelid = any(:relations) /*end*/
group by i.indrelid
