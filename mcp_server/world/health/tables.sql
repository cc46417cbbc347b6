-- A size takes a lock on the relation, so that of one that somebody locks, or waits to lock, is estimated from its pages.
select n.nspname as schema, c.relname as name, c.reltuples as rows,
    case when c.oid = any (l.oids) then c.relpages::int8 * b.size else pg_relation_size(c.oid) end as size,
    coalesce(i.size, 0) as index_size, coalesce(i.number, 0) as indexes, c.relpages as pages, c.relallvisible as visible_pages,
    (select sum(avg_width)::int from pg_stats p where p.schemaname = n.nspname and p.tablename = c.relname and not p.inherited) as width,
    array(select format('%s (%s)', a.attname, format_type(a.atttypid, a.atttypmod)) from pg_attribute a
        left join pg_stats p on p.schemaname = n.nspname and p.tablename = c.relname and p.attname = a.attname and not p.inherited
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and (p.avg_width >= 200 or (a.attstorage in ('x', 'e') and c.reltoastrelid <> 0
            and a.atttypid in ('json'::regtype, 'jsonb'::regtype, 'bytea'::regtype, 'xml'::regtype)))
        order by p.avg_width desc nulls last, a.attnum limit 3) as wide_columns,
    coalesce((select t.relpages::int8 * b.size from pg_class t where t.oid = c.reltoastrelid), 0) as toast_size,
    coalesce(pg_stat_get_blocks_fetched(nullif(c.reltoastrelid, 0)), 0) as toast_blocks,
    coalesce(pg_stat_get_numscans(c.oid), 0) as scans, coalesce(pg_stat_get_tuples_returned(c.oid), 0) as rows_scanned,
    coalesce(i.fetched, 0) + coalesce(pg_stat_get_tuples_fetched(c.oid), 0) as rows_fetched,
    coalesce(i.scans, 0) as index_scans, pg_stat_get_tuples_inserted(c.oid) as inserted,
    pg_stat_get_tuples_updated(c.oid) as updated, pg_stat_get_tuples_deleted(c.oid) as deleted,
    pg_stat_get_tuples_hot_updated(c.oid) as hot_updated,
    /*since 16*/ pg_stat_get_tuples_newpage_updated(c.oid) /*else*/ null::int8 /*end*/ as new_page_updates,
    pg_stat_get_live_tuples(c.oid) as live, pg_stat_get_dead_tuples(c.oid) as dead,
    pg_stat_get_mod_since_analyze(c.oid) as changed_since_analyze, pg_stat_get_ins_since_vacuum(c.oid) as inserted_since_vacuum,
    extract(epoch from now() - greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid))) / 86400 as analyzed_days,
    extract(epoch from now() - greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid))) / 86400 as vacuumed_days,
    age(c.relfrozenxid) as xid_age,
    not coalesce(c.reloptions && array['autovacuum_enabled=false', 'autovacuum_enabled=off'], false) as autovacuum,
    coalesce((select option_value::int from pg_options_to_table(c.reloptions) where option_name = 'fillfactor'), 100) as fillfactor
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
cross join (select current_setting('block_size')::int8 as size) b
cross join (select coalesce(array_agg(relation), '{}') as oids from pg_locks where mode = 'AccessExclusiveLock' and relation is not null) l
left join lateral (
    select count(*) as number, sum(pg_stat_get_numscans(x.indexrelid)) as scans, sum(pg_stat_get_tuples_fetched(x.indexrelid))::int8 as fetched,
        sum(case when x.indexrelid = any (l.oids) or c.oid = any (l.oids) then k.relpages::int8 * b.size else pg_relation_size(x.indexrelid) end) as size
    from pg_index x join pg_class k on k.oid = x.indexrelid where x.indrelid = c.oid) i on true
where c.relkind in ('r', 'm') and c.relpersistence <> 't' and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_toast'
order by c.relpages desc, c.oid
limit 2000
