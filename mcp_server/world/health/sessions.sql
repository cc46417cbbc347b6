select a.pid, coalesce(a.state, '') as state, coalesce(a.usename, '') as role, coalesce(a.application_name, '') as application,
    extract(epoch from now() - a.xact_start) as transaction_seconds, extract(epoch from now() - a.query_start) as statement_seconds,
    extract(epoch from now() - a.state_change) as state_seconds,
    case when a.wait_event_type = 'Lock' then pg_blocking_pids(a.pid) else '{}' end as blocked_by, age(a.backend_xmin) as snapshot_age,
    case when a.query like '<insufficient privilege>%' then '' else coalesce(left(a.query, 200), '') end as statement
from pg_stat_activity a
where a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and a.datname = current_database()
order by a.xact_start nulls last, a.pid
limit 500
