select left(query, 500) as query, calls, total_exec_time as total, mean_exec_time as mean, stddev_exec_time as deviation, rows,
    temp_blks_written as spilled, total_exec_time / nullif(sum(total_exec_time) over (), 0) as share
from (select * from :schema.pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())) s
where query is not null and query <> '<insufficient privilege>'
order by total_exec_time desc
limit 200
