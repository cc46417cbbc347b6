-- Sizes, row estimates and counters of tables, materialised views and their indexes.
-- Measuring a size takes a lock on the relation: it is estimated from pages where somebody holds an exclusive one, and in a
-- large database, where measuring all would cost more than the rest of the reading.
with kept as materialized (
    select c.oid, c.relname, c.relkind, c.relpages, c.reltuples, c.reltoastrelid, c.relnamespace,
        current_setting('block_size')::int8 as block
    from pg_catalog.pg_class c
    where c.relkind in ('r', 'm', 'f')
        /*all*/ and c.oid >= 16384 /*one*/ and c.oid = any(array(
            select unnest(:relations) union select p.relid from unnest(:relations) r(number), pg_partition_tree(number) p))
        /*end*/
), locked as materialized (
    select relation from pg_catalog.pg_locks where mode = 'AccessExclusiveLock' and relation is not null
), index_use as materialized (
    select i.indrelid, i.indexrelid, x.relname, x.relpages * k.block as size, pg_stat_get_numscans(i.indexrelid) as scans
    from kept k
    join pg_catalog.pg_index i on i.indrelid = k.oid
    join pg_catalog.pg_class x on x.oid = i.indexrelid
), measured as materialized (
    select k.*, k.relkind <> 'f' and (select count(*) <= 400 from kept) and not exists (
        select from locked l where l.relation = k.oid
            or l.relation in (select u.indexrelid from index_use u where u.indrelid = k.oid)) as exact
    from kept k
)
select 'since', 0, to_char(pg_stat_get_db_stat_reset_time(oid) at time zone 'UTC', 'YYYY-MM-DD HH24:MI')
from pg_catalog.pg_database where datname = current_database()
union all
select 'usage', m.oid, concat(n.nspname, :us, m.relname, :us,
    case when m.exact and pg_relation_size(m.oid) = 0 then 0
        when m.reltuples > 0 then m.reltuples::int8
        when pg_stat_get_live_tuples(m.oid) > 0 then pg_stat_get_live_tuples(m.oid)
        when m.reltuples = 0 then 0 end, :us,
    case when m.exact then pg_total_relation_size(m.oid)
        when m.relkind <> 'f' then (m.relpages + coalesce(t.relpages, 0)) * m.block + coalesce(u.size, 0) end, :us,
    m.exact, :us,
    case when m.exact then pg_indexes_size(m.oid) else u.size end, :us,
    pg_stat_get_numscans(m.oid), :us, u.scans, :us, pg_stat_get_tuples_inserted(m.oid), :us,
    pg_stat_get_tuples_updated(m.oid), :us, pg_stat_get_tuples_deleted(m.oid), :us, pg_stat_get_dead_tuples(m.oid), :us,
    to_char(greatest(pg_stat_get_last_analyze_time(m.oid), pg_stat_get_last_autoanalyze_time(m.oid)) at time zone 'UTC',
        'YYYY-MM-DD HH24:MI'), :us,
    to_char(greatest(pg_stat_get_last_vacuum_time(m.oid), pg_stat_get_last_autovacuum_time(m.oid)) at time zone 'UTC',
        'YYYY-MM-DD HH24:MI'))
from measured m
join pg_catalog.pg_namespace n on n.oid = m.relnamespace
left join pg_catalog.pg_class t on t.oid = m.reltoastrelid
left join (select indrelid, sum(size)::int8 as size, sum(scans)::int8 as scans from index_use group by 1) u
    on u.indrelid = m.oid
union all
select 'index', u.indexrelid, concat(n.nspname, :us, u.relname, :us,
    case when m.exact then pg_relation_size(u.indexrelid) else u.size end, :us, u.scans)
from index_use u
join measured m on m.oid = u.indrelid
join pg_catalog.pg_namespace n on n.oid = m.relnamespace
