select 'slot' as kind, slot_name::text as name, active,
    case when pg_is_in_recovery() then null else pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::int8 end as retained, null::numeric as lag_seconds
from pg_replication_slots
union all
select 'replica', coalesce(application_name, ''), true, null, extract(epoch from replay_lag) from pg_stat_replication
