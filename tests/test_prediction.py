"""What is predicted of a statement is what Postgres is seen to do: locks, rewrites, scans, index builds."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from mcp_server.model.observation import Effect
from mcp_server.planning.prediction import predict, refusal
from mcp_server.world.actions import read_actions
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.observer import observe
from mcp_server.world.sandbox import Sandbox, Sandboxes

pytestmark = pytest.mark.anyio

HOTEL = """
    create schema "Front desk";
    create type board as enum ('none', 'half', 'full');
    create domain amount as numeric(10, 2);
    create domain stars as int check (value between 1 and 5);
    create domain fine_stars as stars;
    create function spun() returns int language plpgsql volatile as 'begin return 1; end';
    create function steady() returns int language plpgsql stable as 'begin return 1; end';
    create function dice() returns int language sql volatile as 'select (random() * 6)::int';
    create function fixed() returns text language sql volatile as $$ select 'a (b' $$;
    create function sealed() returns int language sql volatile security definer as 'select 1';
    create function told() returns trigger language plpgsql as 'begin return new; end';
    create table city (id int primary key, name varchar(30) not null unique);
    create table hotel (id bigint generated always as identity primary key, name text, code varchar(10), grade stars,
      city int constraint hotel_city references city, opened timestamp, price numeric(8, 2), tags varchar(10)[],
      board board default 'none', rating real, note text, left_at timestamptz(3), serial_no char(8), flags bit(4), open_bits varbit(8),
      document json, price_level amount,
      constraint hotel_price check (price > 0), constraint hotel_note check (note is not null and length(note) < 500));
    create index hotel_code on hotel (code);
    create index hotel_low on hotel (lower(name));
    create index hotel_opened on hotel (opened);
    create index hotel_cheap on hotel (rating) where price < 50;
    create table room (id int primary key, hotel bigint not null constraint room_hotel references hotel on delete cascade, number int,
      size int, doubled int generated always as (size * 2) stored, label varchar(20) collate "C");
    create unique index room_number on room (hotel, number);
    create index room_label on room (label);
    create table guest (id int primary key, email text, home int, born date);
    create unique index guest_email on guest (email);
    create table stay (id int primary key, guest int constraint stay_guest references guest, room int, comment text);
    alter table stay add constraint stay_room foreign key (room) references room not valid;
    alter table stay add constraint stay_comment check (comment <> '') not valid;
    create view rooms as select id, hotel, number from room;
    create view numbers as select number from rooms;
    create materialized view cities as select id, name from city;
    create unique index cities_id on cities (id);
    create materialized view empty_view as select id from guest;
    create table fee (id int, at date not null, sum int) partition by range (at);
    create table fee_2024 partition of fee for values from ('2024-01-01') to ('2025-01-01');
    create table fee_2025 partition of fee for values from ('2025-01-01') to ('2026-01-01');
    create table fee_2026 (id int, at date not null, sum int);
    create table fee_2027 (id int, at date not null, sum int,
      constraint fee_2027_at check (at >= date '2027-01-01' and at < '2028-01-01'));
    create index fee_sum on fee (sum);
    create table region (id int, name text) partition by list (name);
    create table region_north partition of region for values in ('north', 'east');
    create table region_rest partition of region default;
    create table region_south (id int, name text not null, constraint region_south_name check (name in ('south', 'west')));
    create table animal (id int, name text);
    create table dog (bark text) inherits (animal);
    create unlogged table scratch (id int primary key);
    create table plain (id int, n int, m int);
    create sequence counter;
    create table numbered (id serial primary key, n int);
    create table "Front desk"."Bell" (id int primary key, rung timestamptz);
    create trigger stay_told before insert on stay for each row execute function told();
    create policy guest_self on guest using (email <> '');
    create statistics plain_many on n, m from plain;
    create table bill (id int primary key);
    create table bill_line (id int primary key, bill int references bill on delete cascade);
    create table bill_note (id int primary key, bill int references bill);
    insert into bill select n from generate_series(1, 200) n;
    insert into bill_line select n, n from generate_series(1, 200) n;
    create table payment (id int primary key, paid amount, grade fine_stars);
    insert into city select n, 'c' || n from generate_series(1, 200) n;
    insert into hotel (name, code, grade, city, opened, price, note, left_at, serial_no, flags, open_bits, document, price_level)
      select 'h' || n, 'k' || n, 3, n, now(), n, 'x', now(), 'abc', B'1010', B'101', '{}', 5 from generate_series(1, 200) n;
    insert into room select n, n, n, n from generate_series(1, 200) n;
    insert into guest select n, 'g' || n, n, now() from generate_series(1, 200) n;
    insert into stay select n, n, n, 'good' from generate_series(1, 200) n;
    insert into fee select n, '2024-05-01', n from generate_series(1, 200) n;
    insert into fee_2026 select n, '2026-05-01', n from generate_series(1, 200) n;
    insert into fee_2027 select n, '2027-05-01', n from generate_series(1, 200) n;
    insert into region select n, 'north' from generate_series(1, 200) n;
    insert into region_south select n, 'south' from generate_series(1, 200) n;
    insert into animal select n, 'a' from generate_series(1, 200) n;
    insert into dog select n, 'd', 'wuff' from generate_series(1, 200) n;
    insert into scratch select n from generate_series(1, 200) n;
    insert into plain select n, n, n from generate_series(1, 200) n;
    insert into numbered (n) select n from generate_series(1, 200) n;
    insert into "Front desk"."Bell" select n, now() from generate_series(1, 200) n;
    insert into payment select n, n, 3 from generate_series(1, 200) n;
    refresh materialized view cities;
    refresh materialized view empty_view;
"""
STATEMENTS = """
    alter table guest add column vip boolean not null default false
    alter table guest add column seen timestamptz default current_timestamp
    alter table guest add column seen timestamptz default localtimestamp + interval '1 day'
    alter table guest add column token uuid default gen_random_uuid()
    alter table guest add column seen text default to_char(clock_timestamp(), 'YYYY')
    alter table guest add column n int default spun()
    alter table guest add column n int default steady()
    alter table guest add column n int default dice()
    alter table guest add column n text default fixed()
    alter table guest add column n int default sealed()
    alter table guest add column n int default null
    alter table guest add column n bigserial
    alter table guest add column n int generated by default as identity
    alter table guest add column n int generated always as (home + 1) stored
    alter table guest add column n int not null
    alter table guest add column grade stars
    alter table guest add column grade fine_stars default 3
    alter table guest add column paid amount
    alter table guest add column paid amount default 5
    alter table guest add column n int check (n > 0)
    alter table guest add column n int default 1 check (n > 0)
    alter table guest add column n int constraint once unique
    alter table guest add column city int references city
    alter table guest add column city int default null references city
    alter table guest add column city int not null default 1 references city
    alter table guest add column if not exists home int default spun()
    alter table guest add column a int, add column b int default 4, alter column email set not null
    alter table "Front desk"."Bell" add column n int default random()::int
    alter table animal add column n int default spun()
    alter table only animal alter column name set default 'x'
    alter table fee add column n int default spun()
    alter table fee add constraint fee_sum check (sum > 0)
    alter table fee alter column sum set not null
    alter table guest drop column home
    alter table room drop column number
    alter table room drop column number cascade
    alter table room drop column hotel cascade
    alter table hotel drop column city
    alter table hotel drop column price
    alter table guest drop column email
    alter table guest drop column if exists nothing
    alter table guest drop column nothing
    alter table guest rename column home to town
    alter table room rename column number to place
    alter table animal rename column name to label
    alter table fee rename column sum to total
    alter table guest rename to visitor
    alter index guest_email rename to guest_mail
    alter view rooms rename to chambers
    alter table room rename constraint room_hotel to room_of
    alter table stay rename to visit
    alter table guest set schema "Front desk"
    alter table hotel alter column note set not null
    alter table hotel alter column price set not null
    alter table hotel alter column id set not null
    alter table guest alter column email drop not null
    alter table hotel alter column code type varchar(20)
    alter table hotel alter column code type varchar(5)
    alter table hotel alter column code type text
    alter table hotel alter column code type text using code::text
    alter table hotel alter column code type text using upper(code)
    alter table hotel alter column code type char(10)
    alter table hotel alter column code type bpchar
    alter table hotel alter column code type varchar(10) collate "C"
    alter table room alter column label type varchar(30)
    alter table room alter column label type varchar(30) collate "C"
    alter table hotel alter column name type varchar
    alter table hotel alter column note type varchar
    alter table hotel alter column opened type timestamptz
    alter table hotel alter column opened type timestamp(3)
    alter table hotel alter column opened type timestamp(6)
    alter table hotel alter column opened type date
    alter table hotel alter column left_at type timestamptz
    alter table hotel alter column left_at type timestamptz(1)
    alter table hotel alter column left_at type timestamp
    alter table hotel alter column price type numeric(12, 2)
    alter table hotel alter column price type numeric(12, 3)
    alter table hotel alter column price type numeric
    alter table hotel alter column price type amount
    alter table hotel alter column price_level type numeric(12, 2)
    alter table hotel alter column price_level type numeric(10, 2)
    alter table hotel alter column rating type double precision
    alter table hotel alter column tags type text[]
    alter table hotel alter column tags type varchar(20)[]
    alter table hotel alter column tags type varchar(5)[]
    alter table hotel alter column tags type varchar[]
    alter table hotel alter column board drop default, alter column board type text
    alter table hotel alter column serial_no type char(10)
    alter table hotel alter column serial_no type text
    alter table hotel alter column open_bits type varbit(16)
    alter table hotel alter column open_bits type varbit(3)
    alter table hotel alter column flags type varbit
    alter table hotel alter column document type jsonb
    alter table hotel alter column grade type int
    alter table hotel alter column grade type fine_stars
    alter table hotel alter column city type bigint
    alter table city alter column id type bigint
    alter table city alter column name type varchar(60)
    alter table room alter column size type bigint
    alter table room alter column number type bigint
    alter table guest alter column email type varchar(50)
    alter table guest alter column born type timestamp
    alter table fee alter column sum type bigint
    alter table fee alter column at type timestamp
    alter table animal alter column id type bigint
    alter table plain alter column n type bigint
    alter table numbered alter column id type bigint
    alter table plain add constraint n_known check (n > 0)
    alter table plain add constraint n_known check (n > 0) not valid
    alter table plain add constraint plain_home foreign key (n) references city
    alter table plain add constraint plain_home foreign key (n) references city not valid
    alter table plain add primary key (n)
    alter table plain add unique (n, m)
    alter table hotel add constraint once unique using index hotel_code
    alter table guest add constraint once unique using index guest_email
    alter table stay validate constraint stay_room
    alter table stay validate constraint stay_comment
    alter table stay validate constraint stay_guest
    alter table stay drop constraint stay_guest
    alter table stay drop constraint stay_comment
    alter table guest drop constraint guest_pkey
    alter table guest drop constraint guest_pkey cascade
    alter table plain drop constraint if exists nothing
    alter table stay alter constraint stay_guest deferrable
    create index on plain (n)
    create unique index concurrently on plain (n)
    create index on fee (id)
    create index on only fee (id)
    create index on animal (id)
    create index on cities (name)
    create index if not exists guest_email on guest (email)
    drop index hotel_code
    drop index fee_sum
    drop index concurrently hotel_code
    drop index city_pkey
    drop index if exists nothing
    reindex table hotel
    reindex index hotel_code
    reindex table plain
    drop table stay
    drop table room
    drop table room cascade
    drop table hotel cascade
    drop table city cascade
    drop table fee
    drop table fee_2024
    drop table if exists nothing
    drop table "Front desk"."Bell", plain
    drop view numbers
    drop view rooms
    drop view rooms cascade
    drop materialized view cities
    drop type board
    drop type board cascade
    drop domain fine_stars cascade
    drop function told() cascade
    drop schema "Front desk" cascade
    drop sequence counter
    drop trigger stay_told on stay
    drop policy guest_self on guest
    drop statistics plain_many
    truncate plain
    truncate guest
    truncate guest, stay
    truncate city cascade
    truncate fee
    truncate numbered restart identity
    truncate hotel restart identity cascade
    create table night (id int primary key, stay int references stay, city int references city)
    create table night (like guest including all)
    create table night (id int) inherits (animal)
    create table fee_2028 partition of fee for values from ('2028-01-01') to ('2029-01-01')
    create table region_far partition of region for values in ('far')
    create table if not exists guest (id int references city)
    create table copied as select * from rooms
    alter table fee attach partition fee_2026 for values from ('2026-01-01') to ('2027-01-01')
    alter table fee attach partition fee_2027 for values from ('2027-01-01') to ('2028-01-01')
    alter table fee attach partition fee_2027 default
    alter table region attach partition region_south for values in ('south', 'west')
    alter table fee detach partition fee_2024
    alter table region detach partition region_north
    alter table dog no inherit animal
    create view stays as select s.id, r.number from stay s join rooms r on r.id = s.room
    create or replace view rooms as select id, hotel, number, size from room
    create materialized view kept as select number from numbers
    refresh materialized view cities
    refresh materialized view concurrently cities
    refresh materialized view concurrently empty_view
    refresh materialized view empty_view
    create trigger plain_told before update on plain for each row execute function told()
    create trigger fee_told after insert on fee for each row execute function told()
    alter table stay disable trigger stay_told
    alter table guest enable row level security
    create policy guest_old on guest using (id in (select guest from stay))
    create rule plain_kept as on delete to plain do instead nothing
    create statistics plain_more on n, m from plain
    create publication told for table guest, city
    comment on table guest is 'who'
    comment on column guest.email is 'where'
    comment on constraint stay_guest on stay is 'who'
    comment on index guest_email is 'once'
    comment on view rooms is 'all'
    grant select on guest to public
    revoke select on guest from public
    alter table scratch set logged
    alter table numbered set unlogged
    alter table scratch set unlogged
    alter table city set unlogged
    alter table hotel set unlogged
    alter table numbered add column other int generated always as identity, set unlogged
    alter table plain set (fillfactor = 80, autovacuum_enabled = false)
    alter view rooms set (security_barrier = true)
    alter index hotel_code set (fillfactor = 80)
    alter table hotel cluster on hotel_code
    alter table hotel alter column code set statistics 100
    alter table hotel alter column code set (n_distinct = 5)
    alter table hotel alter column note set storage external
    alter table guest replica identity using index guest_pkey
    cluster hotel using hotel_code
    vacuum full plain
    vacuum plain
    analyze hotel
    alter type board add value 'brunch'
    alter type board rename value 'half' to 'part'
    alter domain amount add constraint positive check (value > 0)
    alter domain amount add constraint positive check (value > 0) not valid
    alter domain stars set not null
    alter sequence counter increment 5
    alter sequence counter owned by plain.n
    create sequence another owned by plain.n
    lock table plain in share mode
    lock table fee
    update plain set n = n + 1
    update guest set home = 1 where id = 5
    update guest set home = 1 where born < now()
    delete from bill where id = 5
    delete from stay
    delete from stay where guest = 5
    insert into stay (id, guest, room, comment) values (999, 1, 1, 'fine')
    insert into plain (id) select number from numbers
    select count(*) from rooms
    select * from guest where id = 3 for update
    do $$ begin alter table plain add column x int default random()::int; end $$
    do $$ begin if true then execute 'alter table plain add column x int'; end if; end $$
    alter table hotel alter column id drop identity
    alter table numbered alter column n set not null, alter column n add generated always as identity
    alter table plain alter column n drop default
    alter table room alter column doubled drop expression
    alter table room alter column size set default 5
    create domain small as int check (value < 10)
    create extension if not exists plpgsql
    create function more() returns int language sql as 'select 1'
    alter function steady() rename to calm
    alter schema "Front desk" rename to desk
    alter table guest owner to current_user
"""
SINCE = {
    15: """
        alter table plain add unique nulls not distinct (n)
        alter table plain set access method heap
    """,
    18: """
        alter table guest add column n int generated always as (home + 1) virtual
        alter table guest add column n int generated always as (home + 1) virtual not null
        alter table guest add column n uuid default uuidv7()
        alter table plain add constraint n_known not null n not valid
        alter table plain add constraint n_known not null n
        alter table hotel add constraint note_known not null note
        alter table plain add constraint n_known check (n > 0) not enforced
        alter table plain add constraint plain_home foreign key (n) references city not enforced
        alter table room alter column doubled set expression as (size * 3)
    """,
}
CASES = [(14, line.strip()) for line in STATEMENTS.strip().splitlines()]
CASES += [(since, line.strip()) for since, lines in SINCE.items() for line in lines.strip().splitlines()]


@dataclass(frozen=True)
class Seen:
    """The two sides of one statement."""

    predicted: Effect
    observed: Effect
    refused: str
    error: str


async def both(sandboxes: Sandboxes, setup: str, sql: str) -> Seen:
    """Predict a statement and run it, on a copy of a database that a setup made."""

    async def fill(sandbox: Sandbox) -> None:
        connection = await connect(sandbox.url)
        await connection.execute(setup)
        await connection.close()

    template = await sandboxes.template(setup, fill)
    async with sandboxes.lend(template) as sandbox:
        connection, second = await connect(sandbox.url), await connect(sandbox.url)
        try:
            await connection.execute("set timezone = 'UTC'")
            schema = await read_schema(connection)
            (seen,) = await observe(connection, second, [sql])
        finally:
            await connection.close(timeout=5)
            await second.close(timeout=5)
        given = read_actions(sql), schema, sandbox.server_version
        return Seen(predict(*given), seen.effect, refusal(*given), seen.error)


@pytest.mark.every_postgres
@pytest.mark.parametrize("case", CASES, ids=[re.sub(r"\W+", "-", sql)[:80] for _, sql in CASES])
async def test_a_statement_does_what_is_predicted(sandboxes: Sandboxes, postgres: str, case: tuple[int, str]) -> None:
    since, sql = case
    if int(postgres) < since:
        pytest.skip(f"PostgreSQL {since} has it first")

    seen = await both(sandboxes, HOTEL, sql)

    assert bool(seen.refused) == bool(seen.error), (seen.refused, seen.error)
    assert seen.predicted == seen.observed


async def test_text_becomes_citext_without_a_rewrite(database: Sandbox) -> None:
    """The extension itself need not be there: its casts are known by name."""
    connection = await connect(database.url)
    await connection.execute("create table guest (id int, email text, name varchar(20))")
    schema = await read_schema(connection)
    await connection.close(timeout=5)

    for column in ("email", "name"):
        effect = predict(read_actions(f"alter table guest alter column {column} type citext"), schema, 180000)
        assert (effect.rewrites, effect.scans, effect.builds) == ((), (), ())
