select current_setting('server_version_num')::int / 10000 as version, d.datname as database, r.rolname as role,
    r.rolsuper as superuser, r.rolbypassrls or r.rolsuper as bypasses_row_security, r.rolcreaterole as creates_roles,
    (select ssl from pg_stat_ssl where pid = pg_backend_pid()) as encrypted,
    coalesce(not inet_client_addr() <<= any (array['127.0.0.0/8', '::1/128']::inet[]), false) as remote,
    exists (select from pg_settings where name like 'neon.%') as neon,
    pg_is_in_recovery() as standby,
    coalesce((select has_schema_privilege('public', oid, 'create') from pg_namespace where nspname = 'public'), false) as public_may_create,
    (select count(*) from pg_class where relrowsecurity) as row_security_tables,
    extract(epoch from now() - s.stats_reset) / 86400 as stats_days,
    extract(epoch from now() - pg_postmaster_start_time()) / 86400 as up_days,
    pg_database_size(d.oid) as size,
    (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
    current_setting('max_connections')::int as max_connections,
    s.blks_hit as hits, s.blks_read as reads, s.temp_files, s.temp_bytes, s.deadlocks,
    age(d.datfrozenxid) as xid_age, mxid_age(d.datminmxid) as multixact_age,
    (select extract(epoch from now() - min(prepared)) from pg_prepared_xacts) as prepared_seconds,
    /*since 17*/ b.num_timed as checkpoints_timed, b.num_requested as checkpoints_requested
    /*else*/ b.checkpoints_timed, b.checkpoints_req as checkpoints_requested /*end*/,
    coalesce(current_setting('archive_mode') <> 'off' and a.last_failed_time > coalesce(a.last_archived_time, '-infinity'), false) as archiving_fails,
    (select quote_ident(e.nspname) from pg_extension x join pg_namespace e on e.oid = x.extnamespace
     where x.extname = 'pg_stat_statements') as statements_schema,
    (select quote_ident(e.nspname) from pg_extension x join pg_namespace e on e.oid = x.extnamespace
     join pg_proc p on p.pronamespace = e.oid and p.proname = 'pgstatginindex' and has_function_privilege(p.oid, 'execute')
     where x.extname = 'pgstattuple') as tuples_schema,
    (select json_object_agg(name, reset_val) from pg_settings where name in
        ('autovacuum', 'autovacuum_freeze_max_age', 'effective_cache_size', 'gin_pending_list_limit', 'idle_in_transaction_session_timeout', 'jit',
         'random_page_cost', 'shared_preload_libraries', 'statement_timeout', 'track_counts', 'track_io_timing', 'work_mem')) as settings
from pg_database d
join pg_roles r on r.rolname = current_user
left join pg_stat_database s on s.datid = d.oid
cross join pg_stat_archiver a
cross join /*since 17*/ pg_stat_checkpointer b /*else*/ pg_stat_bgwriter b /*end*/
where d.datname = current_database()
