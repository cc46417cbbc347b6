"""What drawn schemas have besides plain tables: menus of SQL, of which a schema takes one entry each, or none.

Two schemas drawn apart take other entries of a menu, so that each entry becomes each other. ALONE stands for itself; ON_TABLE hangs on
a drawn table, which has a column `id`: {t} is the table as SQL, {n} its bare name inside a quoted one, {s} its schema.
"""

from __future__ import annotations

_EVENT = "create table event (id integer not null, day date not null, body text default 'x') partition by range (day);"
_MAY = "create table event_may partition of event for values from ('2024-05-01') to ('2024-06-01');"
_JUNE = "create table event_june partition of event for values from ('2024-06-01') to ('2024-07-01');"
_BASE = "create table stock (id integer primary key, a integer, b text, c numeric(8,2));"
ALONE = {
    "partitions": (
        _EVENT,
        _EVENT + _MAY,
        _EVENT + _MAY + _JUNE + "alter table event add primary key (id, day); create index event_body on event (body);",
        _EVENT + _JUNE + "create table event_rest partition of event default; create unique index event_key on event (day, id);"
        "comment on table event_june is 'june'; alter table event_june alter column body set default 'y';",
        _EVENT + _MAY + "create index own on event_may (lower(body)); alter table event_may add constraint short check (length(body) < 9);"
        "alter table event_may enable row level security; create policy p on event_may using (id > 0);",
        _EVENT.replace("body text", "body varchar(40) not null") + _MAY + "alter table event add constraint event_body_key unique (day, body);",
        _EVENT + "create table event_may (id integer not null, day date not null, body text default 'x');"
        "create index mine on event_may (body); create index event_body on event (body);"
        "alter table event attach partition event_may for values from ('2024-05-01') to ('2024-06-01');",
        _EVENT + "create table event_year partition of event for values from ('2024-01-01') to ('2025-01-01') partition by list (id);"
        "create table event_year_1 partition of event_year for values in (1, 2); create index event_body on event (body, id);"
        "create table noted (id integer, day date); alter table event add primary key (id, day);"
        "alter table noted add foreign key (id, day) references event;",
        _EVENT + _MAY + "create function stamp() returns trigger language plpgsql as 'begin return new; end';"
        "create trigger stamped before insert on event for each row execute function stamp();",
    ),
    "views on views": (
        _BASE,
        _BASE + "create view few as select id, a from stock; create view more as select a, count(*) from few group by a;",
        _BASE + "create view few as select id, a, b from stock where a > 0; create view more as select id, b from few;"
        "create view most as select id from more join few using (id);",
        _BASE + "create materialized view few as select id, b from stock; create unique index on few (id); create view more as select b from few;",
        _BASE + "create view few with (security_barrier) as select id, c from stock; comment on view few is 'less'; grant select on few to public;",
        _BASE.replace("a integer", "a bigint").replace("c numeric(8,2)", "c numeric(12,4)") + "create view few as select id, a, c from stock;"
        "create view more as select a + 1 as a from few;",
        "create view stock as select 1 as id, 2 as a;",
    ),
    "functions": (
        "create function twice(n integer) returns integer language sql immutable as 'select n * 2';",
        "create function twice(n integer) returns bigint language sql immutable as 'select n * 2::bigint';",
        "create function thrice(m integer, n integer default 2) returns integer language sql immutable return m * n;",
        "create function twice(n integer) returns integer language plpgsql stable security definer as 'begin return n * 2; end';"
        "comment on function twice(integer) is 'doubles'; revoke execute on function twice(integer) from public;",
        "create function twice(n integer) returns integer language sql immutable as 'select n * 2';"
        "create table counted (id integer check (twice(id) > 0), b integer default twice(2), c integer generated always as (twice(id)) stored);"
        "create index counted_twice on counted (twice(id));",
        "create function twice(n integer) returns integer language sql immutable as 'select n + n';"
        "create table counted (id integer, b integer default 4, c integer); create view counting as select twice(id) from counted;"
        "create procedure pay(a integer, b text) language plpgsql as 'begin end';",
    ),
    "sequences": (
        "create sequence numbers;",
        "create sequence numbers as integer start 7 increment 3 cache 2 cycle;",
        "create sequence numbers increment -1; create table numbered (id bigint default nextval('numbers'), b integer);",
        "create table numbered (id bigint, b integer); create sequence numbers owned by numbered.id;",
        "create table numbered (id serial, b integer); create sequence numbers owned by numbered.b;"
        "alter table numbered alter column b set default nextval('numbers');",
        "create unlogged sequence numbers minvalue -5 maxvalue 500; comment on sequence numbers is 'n'; grant usage on sequence numbers to public;",
    ),
    "types": (
        "create type pair as (a integer, b text); create table held (id integer, p pair, q pair[]);",
        "create type pair as (a bigint, b text, c date); create table held (id integer, p pair, q pair[]);",
        "create type pair as (b text); create domain pairs as pair[]; create table held (id integer, p pair, q pairs);",
        "create type pair as enum ('one', 'two'); create table held (id integer, p pair default 'two', q pair[]);",
        "create domain pair as text check (value <> '') not null; create table held (id integer, p pair, q pair[]);",
        "create type span as range (subtype = time); create table held (id integer, p span, q text);",
    ),
    "schemas": (
        "create schema aside;",
        "create schema aside; create table aside.stock (id integer primary key); create type aside.pair as enum ('x');",
        'create schema "a side"; create table "a side".stock (id integer primary key references "a side".stock);'
        "comment on schema \"a side\" is 'x'; grant usage on schema \"a side\" to public;",
        "create schema aside; create table aside.alpha (id integer); create view aside.beta as select id from aside.alpha;",
    ),
}  # fmt: skip
_KEYS = "alter table {t} add column k1 integer, add column k2 text;"
_TOUCH = "create function {s}\"touch {n}\"() returns trigger language plpgsql as 'begin return new; end';"
ON_TABLE = {
    "checks": (
        'alter table {t} add constraint "{n} c" check (id > 0);',
        'alter table {t} add constraint "{n} c" check (id <> 3) no inherit;'
        'comment on constraint "{n} c" on {t} is \'three\';',
        'alter table {t} add constraint "{n} c" exclude using btree (id with =);',
        'alter table {t} add constraint "{n} c" exclude using btree (id with =) where (id > 5) deferrable;',
    ),
    "composite keys": (
        _KEYS,
        _KEYS + 'alter table {t} add constraint "{n} k" unique (k1, k2);',
        _KEYS + 'create unique index "{n} k" on {t} (k2, k1) where k1 > 0;',
        _KEYS + 'alter table {t} add constraint "{n} k" unique (k2, k1), add column r1 integer, add column r2 text,'
        'add constraint "{n} r" foreign key (r1, r2) references {t} (k1, k2) match full on update cascade;',
        _KEYS.replace("integer", "bigint") + 'create unique index "{n} k" on {t} (k1, k2) include (id);'
        'alter table {t} add column r1 bigint, add column r2 text,'
        'add constraint "{n} r" foreign key (r1, r2) references {t} (k1, k2) on delete set null (r1) deferrable initially deferred;',
        _KEYS + 'create statistics {s}"{n} s" on k1, k2 from {t}; alter table {t} add constraint "{n} k" unique nulls not distinct (k1);',
    ),
    "triggers": (
        _TOUCH + 'create trigger tg before insert on {t} for each row execute function {s}"touch {n}"();',
        _TOUCH + 'create trigger tg before update of id on {t} for each row when (new.id > 0) execute function {s}"touch {n}"();',
        _TOUCH + 'create constraint trigger tg after insert on {t} deferrable for each row execute function {s}"touch {n}"();',
        _TOUCH + 'create trigger tg before insert on {t} for each row execute function {s}"touch {n}"(); alter table {t} disable trigger tg;',
        "create rule tg as on delete to {t} do instead nothing;",
    ),
    "policies": (
        "alter table {t} enable row level security; create policy p on {t} using (id > 0);",
        "alter table {t} enable row level security; create policy p on {t} for select to public using (true);",
        "alter table {t} force row level security; create policy p on {t} for insert with check (id > 0);",
        "create policy p on {t} as restrictive using (id in (select 1)); create policy q on {t} using (true);",
    ),
    "grants": (
        "grant select on {t} to public;",
        "grant select (id), insert on {t} to public;",
        "grant update, delete on {t} to public;",
    ),
    "settings": (
        "alter table {t} set (fillfactor = 70, autovacuum_enabled = false);",
        "alter table {t} replica identity full; alter table {t} alter column id set statistics 50;",
        "alter table {t} set (fillfactor = 80); comment on column {t}.id is 'the key';",
        "create index \"{n} i\" on {t} using hash (id); comment on index {s}\"{n} i\" is 'hash';",
        'create index "{n} i" on {t} (id) with (fillfactor = 60); alter table {t} cluster on "{n} i";',
    ),
    "children": (
        'create table {s}"{n} child" () inherits ({t});',
        'create table {s}"{n} child" (own text) inherits ({t}); create index "{n} own" on {s}"{n} child" (own);',
    ),
}  # fmt: skip
