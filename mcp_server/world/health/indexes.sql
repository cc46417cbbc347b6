-- A size and a definition take a lock on the relation, so those of one that somebody locks, or waits to lock, are left out.
select tn.nspname as table_schema, t.relname as table_name, n.nspname as schema, c.relname as name, m.amname as method,
    case when c.oid = any (l.oids) or t.oid = any (l.oids) then '' else pg_get_indexdef(c.oid) end as definition, k.columns,
    case when c.oid = any (l.oids) or t.oid = any (l.oids) then c.relpages * current_setting('block_size')::int8 else pg_relation_size(c.oid) end as size,
    coalesce(pg_stat_get_numscans(c.oid), 0) as scans, x.indisvalid and x.indisready as valid,
    exists (select from pg_stat_progress_create_index p where p.index_relid = c.oid)
        or exists (select from pg_locks p where p.relation = t.oid and p.mode = 'ShareUpdateExclusiveLock' and p.granted and p.pid <> pg_backend_pid()) as building,
    x.indisunique or x.indisprimary or x.indisexclusion or x.indisreplident
        or exists (select from pg_constraint q where q.conindid = c.oid) as constrains,
    exists (select from pg_constraint q where q.conrelid = t.oid and q.contype = 'f' and q.conkey[1] = x.indkey[0]) as serves_key,
    case when x.indpred is null then greatest(c.reltuples, t.reltuples, pg_stat_get_live_tuples(t.oid)) else c.reltuples end as rows,
    (select case when count(*) = count(w.avg_width) then sum(w.avg_width)::int end
     from unnest(x.indkey::int2[]) u (number)
     left join pg_attribute a on a.attrelid = t.oid and a.attnum = u.number and u.number > 0
     left join pg_stats w on w.schemaname = tn.nspname and w.tablename = t.relname and w.attname = a.attname and not w.inherited) as width,
    x.indpred is not null as partial, s.null_frac as null_fraction, s.n_distinct as distinct, s.correlation
from pg_index x
join pg_class c on c.oid = x.indexrelid
join pg_namespace n on n.oid = c.relnamespace
join pg_class t on t.oid = x.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
join pg_am m on m.oid = c.relam
cross join (select coalesce(array_agg(relation), '{}') as oids from pg_locks where mode = 'AccessExclusiveLock' and relation is not null) l
cross join lateral (
    select array_agg(coalesce(a.attname, '') order by u.place) as columns
    from unnest(x.indkey::int2[]) with ordinality u (number, place)
    left join pg_attribute a on a.attrelid = t.oid and a.attnum = u.number and u.number > 0
    where u.place <= x.indnkeyatts) k
left join pg_stats s on s.schemaname = tn.nspname and s.tablename = t.relname and s.attname = k.columns[1] and not s.inherited
where c.relkind = 'i' and tn.nspname not in ('pg_catalog', 'information_schema') and tn.nspname !~ '^pg_toast'
order by c.relpages desc, c.oid
limit 5000
