-- wal_bytes is not there where the extension was never updated from before 1.8.
select left(query, 500) as query, calls, total_exec_time as total, mean_exec_time as mean, stddev_exec_time as deviation, rows,
    temp_blks_written as spilled, share, (to_jsonb(s) ->> 'wal_bytes')::numeric::int8 as log_bytes
from (
    select k.*, total_exec_time / nullif(sum(total_exec_time) over (), 0) as share
    from :schema.pg_stat_statements k
    where dbid = (select oid from pg_database where datname = current_database())
        and query is not null and query <> '<insufficient privilege>'
    order by total_exec_time desc
    limit 200) s
order by total_exec_time desc
