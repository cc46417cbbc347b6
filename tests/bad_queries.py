"""Queries made bad on purpose, each with its good twin: (code of the finding, the bad one, the good one), on the tables of TASKS.

As in the rules' own examples the last statement is the query, and those before it are its circumstances.
"""

from __future__ import annotations

_NUMBERS = "create function numbers(n int) returns setof int stable language plpgsql as $$ begin return query select g from generate_series(1, n) g; end $$;"
_LIST = ", ".join(str(number * 3) for number in range(1, 1_100))
_HASH = "set local enable_mergejoin = off; set local enable_nestloop = off; set local enable_sort = off;"
_PARALLEL = (
    "set local max_parallel_workers_per_gather = 3; set local min_parallel_table_scan_size = 0; set local parallel_setup_cost = 0;"
    " set local parallel_tuple_cost = 0;"
)
_CHILDREN = "create table child (id int, task_id int references task on delete cascade); insert into child select g, g from generate_series(1, 4000) g;"
_PAGES = "create table essay (id int primary key, body text, seen int); insert into essay select g, repeat(md5(g::text), 40), g % 90 from generate_series(1, 3000) g; analyze essay;"
_SKEWED = "create table spot (a int, b int, name text); insert into spot select g % 150, g % 150, 'n' || g from generate_series(1, 25000) g; create index on spot (a);"
_UNSAFE = "create function twice(int) returns int immutable language plpgsql as $$ begin return $1 * 2; end $$; set local max_parallel_workers_per_gather = 2; set local min_parallel_table_scan_size = 0;"
_GENERIC = "set local plan_cache_mode = force_generic_plan;"

PAIRS: tuple[tuple[str, str, str], ...] = (
    ("F101", "select * from task where due = '2024-05-05'", "create index on task (due); select * from task where due = '2024-05-05'"),
    ("F101", "select id from task where owner_id = 7 and state = 'done'", "create index on task (owner_id, state); select id from task where owner_id = 7 and state = 'done'"),
    ("F101", "select count(*) from task where made < '2024-01-03'", "create index on task (made); select count(*) from task where made < '2024-01-03'"),
    ("F101", "update task set note = 'x' where owner_id = 12", "create index on task (owner_id); update task set note = 'x' where owner_id = 12"),
    ("F101", "delete from task where size = 999", "create index on task (size); delete from task where size = 999"),
    ("F101", "select t.id from task t join owner o on o.id = t.owner_id where t.due between '2024-02-01' and '2024-02-03'", "create index on task (due); select t.id from task t join owner o on o.id = t.owner_id where t.due between '2024-02-01' and '2024-02-03'"),
    ("F101", "select id from task where owner_id in (3, 5, 8)", "create index on task (owner_id); select id from task where owner_id in (3, 5, 8)"),
    ("F101", "select id from task where note is null and owner_id = 42", "create index on task (owner_id); select id from task where note is null and owner_id = 42"),
    ("F102", "select o.name from owner o where o.id < 150 and exists (select from task t where t.owner_id = o.id and t.size > 998 offset 0)", "create index on task (owner_id, size); select o.name from owner o where o.id < 150 and exists (select from task t where t.owner_id = o.id and t.size > 998 offset 0)"),
    ("F103", "select avg(size) from task where state = 'done'", "select avg(size) from task where id < 10"),
    ("F104", "create index on task (state); set local enable_seqscan = off; select title from task where state = 'done' and owner_id = 42", "create index on task (state, owner_id); set local enable_seqscan = off; select title from task where state = 'done' and owner_id = 42"),
    ("F104", "create index on task (size); set local enable_seqscan = off; select title from task where size < 200 and owner_id = 42", "create index on task (owner_id, size); select title from task where size < 200 and owner_id = 42"),
    ("F108", "create index on task (size); select id from task where size = 5 or owner_id = 9", "create index on task (size); create index on task (owner_id); select id from task where size = 5 or owner_id = 9"),
    ("F108", "select id from task where due = '2024-02-02' or (owner_id = 4 and size = 3)", "create index on task (due); create index on task (owner_id, size); select id from task where due = '2024-02-02' or (owner_id = 4 and size = 3)"),
    ("F109", "create table tick (n int primary key); insert into tick select g from generate_series(1, 9000) g; analyze tick; set local enable_seqscan = off; set local enable_bitmapscan = off; select max(n), count(*) from tick where n < 8000", "select count(*) from task where id < 8000"),
    ("F110", "create index on task (due); set local enable_seqscan = off; select max(size) from task where due < '2024-03-01'", "create index on task (due) include (size); select max(size) from task where due < '2024-03-01'"),
    ("F115", f"{_NUMBERS} select t.title from task t where t.id in (select numbers from numbers(20000))", f"{_NUMBERS} alter function numbers rows 20000; select t.title from task t where t.id in (select numbers from numbers(20000))"),
    ("F116", "set local work_mem = '128kB'; with kept as materialized (select * from task where size > 100) select max(title) from kept", "with kept as (select * from task where size > 100) select max(title) from kept where id = 3"),
    ("F117", "select id from task where lower(title) = 'task 3'", "create index on task (lower(title)); analyze task; select id from task where lower(title) = 'task 3'"),
    ("F117", "select id from task where date(made at time zone 'UTC') = '2024-02-02'", "create index on task (made); select id from task where made >= '2024-02-02' and made < '2024-02-03'"),
    ("F117", "select id from task where length(title) = 7", "select id from task where length(title) > 7"),
    ("F117", "select id from task where coalesce(note, '') = 'never'", "create index on task (coalesce(note, '')); analyze task; select id from task where coalesce(note, '') = 'never'"),
    ("F117", "select id from task where date_trunc('day', due) = '2024-02-02'", "create index on task (due); select id from task where due = '2024-02-02'"),
    ("F118", "select title from task where size = 77.5", "select title from task where id = 77"),
    ("F118", "select title from task where made::date = '2024-02-02'", "create index on task (made); select title from task where made >= '2024-02-02' and made < '2024-02-03'"),
    ("F118", "select title from task where id::text = '17'", "select title from task where id = 17"),
    ("F118", "select title from task where owner_id = 12::float8", "create index on task (owner_id); select title from task where owner_id = 12"),
    ("F119", "select id from task where title ilike '%C4CA42%'", "select id from owner where name ilike '%C4CA42%'"),
    ("F119", "select id from task where title ~ 'c4ca42'", "select id from task where title ~ '.*'"),
    ("F119", "select id from task where title like '%238a0b923820dcc509a6f75849b'", "create index on task (reverse(title) text_pattern_ops); analyze task; select id from task where reverse(title) like 'b94857f6a905cd0283%'"),
    ("F120", "create index on task (title); select id from task where title like 'Task c4ca42%'", "create index on task (title text_pattern_ops); select id from task where title like 'Task c4ca42%'"),
    ("F121", "select title from task where size - 5 = 3 and owner_id + 0 = 7", "create index on task (owner_id); select title from task where size = 8 and owner_id = 7"),
    ("F121", "select title from task where made + interval '1 day' < '2024-01-03'", "create index on task (made); select title from task where made < timestamptz '2024-01-03' - interval '1 day'"),
    ("F122", "select count(*) from task where owner_id not in (select id from owner where city = 'city 3')", "select count(*) from task t where not exists (select from owner o where o.id = t.owner_id and o.city = 'city 3')"),
    ("F123", f"create index on task (size); {_GENERIC} prepare asked (int, int) as select id from task where ($1 is null or size = $1) and ($2 is null or owner_id = $2); execute asked (3, null)", f"create index on task (size); {_GENERIC} prepare asked (int) as select id from task where size = $1; execute asked (3)"),
    ("F124", "select id from task where doc ->> 'kind' in ('kind 1', 'kind 2')", "create index on task ((doc ->> 'kind')); analyze task; select id from task where doc ->> 'kind' in ('kind 1', 'kind 2')"),
    ("F124", "select id from task where doc #>> '{kind}' = 'kind 9'", "create index on task using gin (doc); select id from task where doc @> '{\"kind\": \"kind 9\"}'"),
    ("F125", f"select title from task where id = any ('{{{_LIST.replace(' ', '')}}}'::int[])", "select title from task where id = any ('{1,2,3}'::int[])"),
    ("F125", f"select name from owner where id not in ({_LIST})", "select name from owner where id not in (1, 2)"),
    ("F126", "create index on task (due); set local enable_seqscan = off; set local enable_sort = off; select id from task where size = 999 order by due desc limit 3", "create index on task (size, due); select id from task where size = 999 order by due desc limit 3"),
    ("F127", "select id from task where state = 'done' order by due limit 10", "create index on task (state, due); select id from task where state = 'done' order by due limit 10"),
    ("F127", "select id from task order by size desc, made limit 10", "create index on task (size desc, made); select id from task order by size desc, made limit 10"),
    ("F128", "set local work_mem = '64kB'; select * from (select title, size from task order by size, title offset 0) x where size < 3", "set local work_mem = '64MB'; select * from (select title, size from task order by size, title offset 0) x where size < 3"),
    ("F128", "set local work_mem = '128kB'; select title, row_number() over (order by title) from task", "set local work_mem = '64MB'; select title, row_number() over (order by title) from task"),
    ("F129", "create index on task (made); select id from task order by made limit 10 offset 8000", "create index on task (made); select id from task where made > '2024-02-09' order by made limit 10"),
    ("F131", "select count(*) as total from task t", "select count(*) from (select from task limit 100) t"),
    ("F132", "select title from task", "select title from task limit 100"),
    ("F133", f"{_PAGES} select a.* , b.* from essay a join essay b on b.id = a.id + 1 order by a.seen", f"{_PAGES} select a.id, b.id from essay a join essay b on b.id = a.id + 1 order by a.seen"),
    ("F134", f"{_SKEWED} analyze spot; select count(*) from spot s join task t on t.owner_id = s.a where s.a = 9 and s.b = 9", f"{_SKEWED} create statistics on a, b from spot; analyze spot; select count(*) from spot s join owner t on t.id = s.a where s.a = 9 and s.b = 9"),
    ("F137", f"set local work_mem = '64kB'; {_HASH} select title, count(*) from task group by title", f"set local work_mem = '64MB'; {_HASH} select title, count(*) from task group by title"),
    ("F138", "select count(*) from owner a join owner b on a.name = b.name or a.city = b.name", "select count(*) from owner a join owner b on a.name = b.name"),
    ("F139", "select count(*) from owner a, owner b where a.id < 300 and b.id > 1500", "select count(*) from owner a cross join owner b where a.id < 300 and b.id > 1500"),
    ("F140", "create index on task (owner_id); select name from owner o where 5 < (select count(*) from task t where t.owner_id = o.id)", "create index on task (owner_id); select name from owner o join (select owner_id from task group by owner_id having count(*) > 5) t on t.owner_id = o.id"),
    ("F142", "select distinct o.name from owner o join task t on t.owner_id = o.id where t.size > 100", "select o.name from owner o where exists (select from task t where t.owner_id = o.id and t.size > 100)"),
    ("F142", "select distinct on (o.id) o.id, o.name from owner o, task t where t.owner_id = o.id order by o.id", "select o.id from owner o where exists (select from task t where t.owner_id = o.id)"),
    ("F143", "select distinct o.name from owner o left join task t on t.owner_id = o.id and t.size < 50", "select o.name from owner o"),
    ("F144", f"{_PARALLEL} set local max_parallel_workers = 0; select sum(size) from task", "set local max_parallel_workers_per_gather = 0; select sum(size) from task where id < 90"),
    ("F149", f"{_CHILDREN} analyze child; delete from task where id between 100 and 200", f"{_CHILDREN} create index on child (task_id); analyze child; delete from task where id between 100 and 102"),
    ("F112", "create index on task (owner_id); set local enable_seqscan = off; select title, note from task where owner_id < 150", "create index on task (id, owner_id); set local enable_seqscan = off; select title, note from task where id < 2300"),
    ("F112", "create index on task (size); set local enable_seqscan = off; set local enable_bitmapscan = off; select due from task where size between 100 and 180", "create index on task (made); set local enable_seqscan = off; set local enable_bitmapscan = off; select due from task where made < '2024-01-12'"),
    ("F130", "create index on task (state); set local enable_seqscan = off; select sum(r) from (select rank() over (partition by state order by made, id) as r from task) x", "create index on task (state, made, id); set local enable_seqscan = off; select sum(r) from (select rank() over (partition by state order by made, id) as r from task) x"),
    ("F145", f"{_UNSAFE} select sum(twice(size)) from task", f"{_UNSAFE} alter function twice(int) parallel safe; set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0; select sum(twice(size)) from task"),
    ("F145", f"{_UNSAFE} select id from task where size > 990 for update", f"{_UNSAFE} select id from task where id < 90 for update"),
)  # fmt: skip
