"""Statements that would change something if explain_query carried them out carelessly, and the database they aim at."""

from __future__ import annotations

TARGET = """
create table account (id serial primary key, name text not null, balance int not null);
insert into account (name, balance) select 'owner ' || g, g from generate_series(1, 50) g;
create table noted (at timestamptz default now(), what text);
create materialized view rich as select * from account where balance > 10;
create function bystander() returns int stable language sql as
  $$ select min(pid) from pg_stat_activity where application_name = 'bystander' and datname = current_database() $$;
create function note() returns int language plpgsql as $$ begin insert into noted (what) values ('note'); return 1; end $$;
create function lock_it() returns int language plpgsql as $$ begin perform pg_terminate_backend(bystander()); return 1; end $$;
create function sly_stable() returns int stable language plpgsql as $$ begin perform pg_terminate_backend(bystander()); return 5; end $$;
create function sly_immutable(i int) returns int immutable language plpgsql
  as $$ begin perform pg_terminate_backend(bystander()); perform nextval('account_id_seq'); return i; end $$;
create function sly_sql() returns bigint stable language sql as 'select count(*) from (select pg_terminate_backend(bystander())) x';
create function sly_by_another() returns int stable language sql as 'select lock_it()';
create function sly_dynamic(i int) returns int stable language plpgsql
  as $$ begin execute 'select pg_terminate' || '_backend(bystander())'; return i; end $$;
create function sly_atomic() returns bigint stable language sql begin atomic; select count(*) from (select pg_terminate_backend(bystander())) x; end;
create function poke(a account) returns int language plpgsql as $$ begin perform pg_terminate_backend(bystander()); return 1; end $$;
create function locked_less(a int, b int) returns boolean language plpgsql
  as $$ begin perform pg_terminate_backend(bystander()); return a < b; end $$;
create operator <<< (leftarg = int, rightarg = int, function = locked_less);
create type money_like as (cents int);
create function to_money_like(i int) returns money_like language plpgsql
  as $$ begin perform pg_terminate_backend(bystander()); return row(i)::money_like; end $$;
create cast (int as money_like) with function to_money_like(int) as assignment;
create function step(state int, value int) returns int language plpgsql
  as $$ begin perform pg_terminate_backend(bystander()); return state + value; end $$;
create aggregate sly_sum(int) (sfunc = step, stype = int, initcond = '0');
create function price_less(a money_like, b money_like) returns boolean language plpgsql
  as $$ begin perform pg_terminate_backend(bystander()); return a.cents < b.cents; end $$;
create function price_compare(a money_like, b money_like) returns int language plpgsql
  as $$ begin perform pg_terminate_backend(bystander()); return a.cents - b.cents; end $$;
create operator < (leftarg = money_like, rightarg = money_like, function = price_less);
create function price_same(a money_like, b money_like) returns boolean immutable language sql as 'select a.cents = b.cents';
create function price_more(a money_like, b money_like) returns boolean immutable language sql as 'select a.cents > b.cents';
create operator = (leftarg = money_like, rightarg = money_like, function = price_same);
create operator > (leftarg = money_like, rightarg = money_like, function = price_more);
create operator class sly_order default for type money_like using btree
  as operator 1 <, operator 3 =, operator 5 >, function 1 price_compare(money_like, money_like);
create table priced (price money_like);
insert into priced values (row(1)), (row(2));
create view watched as select v.a from (values (pg_terminate_backend(bystander())::text), ('x')) v (a);
create view limited as select * from account limit (select lock_it());
create table guarded (id int primary key);
insert into guarded values (1), (2);
alter table guarded enable row level security;
alter table guarded force row level security;
create policy only_mine on guarded using (lock_it() = 1);
do $$ begin if not exists (select from pg_roles where rolname = 'visitor') then create role visitor; end if; end $$;
grant select on guarded to visitor;
analyze account, guarded;
"""

# What only a server with the extension has: `dblink` commits on its own.
WITH_DBLINK = """
create extension dblink;
create function sly_remote() returns int stable language plpgsql as $$ begin
  perform dblink_exec('dbname=' || current_database() || ' user=' || current_user || ' host=' || split_part(current_setting('unix_socket_directories'), ',', 1)
                      || ' port=' || current_setting('port'), 'insert into noted (what) values (''remote'')'); return 5; end $$;
"""

# The check of a domain runs when a literal of an array or a row is read, which is before anything can be asked of it.
WITH_DOMAIN = """
create function checked(i int) returns boolean stable language plpgsql as $$ begin perform pg_terminate_backend(bystander()); return true; end $$;
create domain sly_int as int check (checked(value));
create type sly_row as (a sly_int);
"""
OF_DOMAINS = (
    "select '{1}'::sly_int[]", "select '(1)'::sly_row", "select 5::sly_int", "select balance::sly_int from account",
    "select ('(' || balance || ')')::sly_row from account", "select json_populate_record(null::sly_row, '{\"a\": 1}')",
)  # fmt: skip

# What the planner runs though no statement names it: {setup} makes each of these, while plain() still is harmless.
ASIDE = (
    "create index on account (id) where balance > plain(3)",
    "create index on account ((id + plain(3)))",
    "alter table account add check (balance >= plain(0)); create table kid () inherits (account)",
    "create statistics s on (balance + plain(3)), (id) from account",
    "alter table account add more int generated always as (balance + plain(3)) stored",
    "create table apart (balance int) partition by range ((balance + plain(1)));"
    "create table apart_1 partition of apart for values from (1) to (5); alter table account rename to old;"
    "alter table apart rename to account",
    "create function volatile_eq(a int, b int) returns boolean language plpgsql as $$ begin perform plain(1); return a = b; end $$;"
    "create operator === (leftarg = int, rightarg = int, function = volatile_eq, restrict = eqsel); update account set balance = 1;"
    "analyze account",
)
# Bodies that act by words that are no plain call. {act} is a call that acts.
HIDING = (
    "create function by(a int, b int) returns boolean language plpgsql as $$ begin perform {act}; return true; end $$;"
    "create operator === (leftarg = int, rightarg = int, function = by);"
    "create function quiet() returns boolean stable language sql as 'select 1 === 1'",
    "create function by(a account) returns int language plpgsql as $$ begin perform {act}; return 1; end $$;"
    "create function quiet() returns int stable language sql as 'select a.by from account a limit 1'",
    "create view by as select {act}::text as x; create function quiet() returns text stable language sql as 'select x from by'",
    "create function quiet() returns int stable language plpgsql as $$ begin perform '--', {act}; return 1; end $$",
    "create function quiet() returns int stable language plpgsql as $$ begin perform '/*', {act}, '*/'; return 1; end $$",
    'create function quiet() returns int stable language plpgsql as $$ begin perform U&"pg\\005fadvisory\\005flock"(77); return 1; end $$',
    "create function by(i int) returns int language plpgsql as $$ begin perform {act}; return 1; end $$;"
    "create function given(i int default by(1)) returns int stable language sql as 'select i';"
    "create function quiet() returns int stable language sql as 'select given()'",
    "create type by as (a int); create function as_by(i int) returns by language plpgsql as $$ begin perform {act}; return row(i)::by; end $$;"
    "create cast (int as by) with function as_by(int); create function quiet() returns by stable language sql as 'select 1::by'",
    "create table rows (a int); alter table rows enable row level security; create policy by on rows using ({act} is null);"
    "create function quiet() returns bigint stable language sql as 'select count(*) from rows'",
)

# Refused or harmless, with and without ANALYZE. {pid} is the session of a bystander.
CHANGING = (
    "delete from account",
    "insert into account (name, balance) values ('new', 1)",
    "insert into account (name, balance) values ('new', 1) on conflict (id) do update set balance = 0 returning *",
    "update account set balance = 0",
    "with gone as (delete from account returning *) select * from gone",
    "with a as (select 1), b as materialized (update account set balance = 0 returning *) select * from a",
    "/* just reading */ -- select\n delete from account",
    "explain analyze delete from account",
    "explain (analyze true, verbose) update account set balance = 0",
    'explain ("analyze") delete from account',
    "explain analyze with x as (insert into account (name, balance) values ('n', 1) returning *) select * from x",
    "create table stolen as select * from account",
    "create table stolen as with x as (delete from account returning *) select * from x",
    "create materialized view stolen as select * from account",
    "select * into stolen from account",
    "select * from account for update",
    "select * from account for no key update skip locked",
)
SEVERAL = (
    "select 1; delete from account",
    "select 1; commit; delete from account",
    "select 1\\; delete from account",
    "commit; drop table account; select 1",
    "select 1;;; rollback; begin; delete from account; commit",
)
CONTROL = (
    "commit", "rollback", "begin", "end", "abort", "start transaction read write", "savepoint a", "release a",
    "prepare transaction 'x'", "commit prepared 'x'", "set transaction read write", "rollback and chain",
    "set session characteristics as transaction read write",
)  # fmt: skip
UTILITIES = (
    "set transaction_read_only = off", "set role visitor", "reset all", "discard all", "do $$ begin delete from account; end $$",
    "call note()", "copy account to program 'touch {file}'", "copy (select 1) to '{file}'", "copy account from program 'echo 1'",
    "create table stolen (a int)", "drop table account", "truncate account", "alter table account add column x int",
    "lock table account", "vacuum account", "analyze account", "reindex table account", "refresh materialized view rich",
    "cluster account", "checkpoint", "listen x", "notify x", "unlisten *", "load 'plpgsql'", "alter system set work_mem = '8MB'",
    "prepare p as delete from account", "execute p", "deallocate all", "fetch all from c", "close c", "create extension vector",
    "explain execute p", "explain declare c cursor with hold for select 1", "grant all on account to visitor",
    "comment on table account is 'x'", "create role thief superuser", "security label on table account is 'x'",
)  # fmt: skip
CALLS = (
    "select nextval('account_id_seq')", "select setval('account_id_seq', 900)", "select pg_advisory_lock(1)",
    "select pg_try_advisory_lock(1)", "select pg_advisory_lock_shared(1) from account", "select pg_advisory_xact_lock(1)",
    "select pg_terminate_backend({pid})", "select pg_terminate_backend(pid) from pg_stat_activity where pid = {pid}",
    "select pg_cancel_backend({pid})", "select pg_notify('x', 'y')", "select lo_create(4711)", "select lo_from_bytea(4711, 'x')",
    "select lo_export(4711, '{file}')", "select lo_import('/etc/hostname')", "select set_config('work_mem', '1GB', false)",
    "select set_config('transaction_read_only', 'off', true)", "select set_config('role', 'visitor', false)",
    "select pg_reload_conf()", "select pg_rotate_logfile()", "select pg_switch_wal()", "select pg_create_restore_point('x')",
    "select pg_create_physical_replication_slot('x', true)", "select pg_logical_emit_message(false, 'x', 'y')",
    "select query_to_xml('delete from account', true, true, '')", "select query_to_xml('select pg_advisory_lock(2)', true, true, '')",
    "select * from ts_stat('select to_tsvector(pg_advisory_lock(3)::text)')", "select txid_current()", "select pg_current_xact_id()",
    "select pg_stat_reset()", "select pg_promote()", "select pg_export_snapshot()", "select pg_read_file('PG_VERSION')",
    "select * from pg_ls_dir('.')", "select pg_log_backend_memory_contexts({pid})", "select pg_stat_force_next_flush()",
    "select 1 where exists (select pg_advisory_lock(4))", "select count(*) filter (where pg_try_advisory_lock(5)) from account",
    "select * from account order by pg_advisory_lock(6)::text", "select * from account limit (select pg_advisory_lock(7)::text)::int",
    "values (pg_advisory_lock(8)), (pg_advisory_lock(9))", "with x as materialized (select pg_advisory_lock(10)) select * from x",
    "select case when pg_try_advisory_lock(11) then 1 end", "select sum(1) over (partition by pg_try_advisory_lock(12)) from account",
    'select "pg_catalog"."pg_advisory_lock"(13)', "select U&\"pg\\005fadvisory\\005flock\"(14)", "select PG_ADVISORY_LOCK(15)",
)  # fmt: skip
OWN_FUNCTIONS = (
    "select note()", "select * from account where balance > note()", "select lock_it()", "select * from account where balance < sly_stable()",
    "select * from account where id = sly_immutable(3)", "select sly_immutable(3)", "select * from account where balance < sly_sql()",
    "select * from account where balance < sly_by_another()", "select * from account where id = sly_atomic()",
    "select a.poke from account a", "select (a).poke from account a", "select * from account where balance <<< 10",
    "select 5::money_like", "select sly_sum(balance) from account",
    "select * from priced order by price", "select * from watched", "select * from limited", "select * from account a where exists (select from watched)",
    "select * from account a, lateral (select lock_it() where a.id > 1) x",
)  # fmt: skip
# Nobody can tell what they would run.
UNREADABLE = ("select sly_dynamic(id) from account", "select * from account where balance < sly_dynamic(3)")
# Everything of TARGET that an attack could change, as one text.
STATE = """
    select jsonb_build_object(
        'accounts', (select md5(string_agg(a::text, ',' order by id)) from account a),
        'noted', (select count(*) from noted),
        'sequence', (select (last_value, is_called)::text from account_id_seq),
        'locks', (select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())),
        'relations', (select count(*) from pg_class where relnamespace = 'public'::regnamespace),
        'roles', (select jsonb_agg(rolname order by 1) from pg_roles where rolname !~ '^pg_'),
        'large objects', (select count(*) from pg_largeobject_metadata),
        'slots', (select count(*) from pg_replication_slots),
        'prepared', (select count(*) from pg_prepared_xacts),
        'rich', (select count(*) from rich),
        'comment', obj_description('account'::regclass),
        'configured', (select pg_conf_load_time())
    )::text
"""
