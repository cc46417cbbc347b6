"""Tables with rows that the examples of several rules stand on."""

TASKS = (
    "create table owner (id int primary key, name text not null, city text not null);"
    "insert into owner select g, 'Owner ' || g, 'city ' || g % 50 from generate_series(1, 2000) g;"
    "create table task (id int primary key, owner_id int not null, title text not null, state text not null,"
    " due date not null, made timestamptz not null, size int not null, note text, doc jsonb not null);"
    "insert into task select g, 1 + g * 7919 % 2000, 'Task ' || md5(g::text), case when g % 500 = 0 then 'open' else 'done' end,"
    " date '2024-01-01' + g * 7 % 700, timestamptz '2024-01-01' + g * interval '7 minutes', g * 31 % 1000,"
    " case when g % 3 = 0 then repeat('x', 30) end, jsonb_build_object('kind', 'kind ' || g % 3000) from generate_series(1, 30000) g;"
    "vacuum analyze owner; vacuum analyze task;"
)
