"""A courier of many tenants: parcels, scans, lockers, sensors, bookings, jobs; statements that each want another kind of index."""

from __future__ import annotations

SCHEMA = """
create table customer (id uuid primary key, tenant_id int not null, name text not null, nickname text, email text not null,
    segment text not null, joined date not null, ip inet not null);
create table parcel (id uuid primary key, tenant_id int not null, customer_id uuid not null references customer, code text not null,
    state text not null, is_flagged boolean not null, is_closed boolean not null, weight numeric(8,2) not null,
    created_at timestamptz not null, delivered_at timestamptz, promised date not null, document tsvector not null);
create table scan (id bigint primary key, parcel_id uuid not null, depot_id int not null, kind text not null, happened_at timestamptz not null);
create table locker (id int primary key, tenant_id int not null, name text not null, latitude double precision not null,
    longitude double precision not null, place point not null, tags text[] not null, attributes jsonb not null);
create table reading (id bigint primary key, device_id int not null, taken_at timestamptz not null, value double precision not null, quality smallint not null);
create table booking (id int primary key, locker_id int not null, customer_id uuid not null, during tstzrange not null, price int not null);
create table job (id bigint primary key, queue text not null, run_at timestamptz not null, locked_at timestamptz, attempts int not null, payload text not null);
create table complaint (id int primary key, parcel_id uuid not null, opened_at timestamptz not null, solved_at timestamptz, body text not null);
"""

# $1 is the number of parcels.
ROWS = (
    """insert into customer select md5('c' || g)::uuid, 1 + g % 53, 'name' || g % 9000, case when g % 7 = 0 then 'nick' || g end, 'Who' || g || '@Mail.example',
       case when g % 350 = 0 then 'vip' when g % 2 = 0 then 'shop' else 'private' end, date '2018-01-01' + g % 2000,
       ('10.' || g % 200 || '.' || (g * 7) % 250 || '.' || (g * 13) % 250)::inet from generate_series(1, $1::int / 2) g""",
    """insert into parcel select md5('p' || g)::uuid, 1 + (g * 7) % 53, md5('c' || 1 + (g * 31) % ($1::int / 2))::uuid, 'PX-' || upper(substr(md5('k' || g), 1, 9)),
       case when g % 300 = 0 then 'held' when g % 4 = 0 then 'moving' else 'delivered' end, g % 90 = 0, g % 60 <> 0, (g * 17) % 9000 / 100.0,
       timestamptz '2024-01-01' + g * interval '5 minutes', case when g % 9 <> 0 then timestamptz '2024-01-03' + g * interval '5 minutes' end,
       date '2024-01-01' + g % 400, to_tsvector('simple', 'word' || g % 3100 || ' term' || (g * 11) % 2900) from generate_series(1, $1::int) g""",
    """insert into scan select g, md5('p' || 1 + (g * 19) % $1::int)::uuid, 1 + (g * 3) % 400, (array['in', 'out', 'load', 'lost'])[1 + g % 4],
       timestamptz '2024-01-01' + g * interval '70 seconds' from generate_series(1, $1::int * 4) g where (1 + (g * 19) % $1::int) % 97 <> 0""",
    """insert into locker select g, 1 + (g * 11) % 53, 'Locker ' || md5('l' || g), 47 + (g * 7919) % 100000 / 14000.0, 6 + (g * 6007) % 100000 / 11000.0,
       point(6 + (g * 6007) % 100000 / 11000.0, 47 + (g * 7919) % 100000 / 14000.0), array['t' || g % 800, 'u' || (g * 3) % 900],
       jsonb_build_object('address', jsonb_build_object('zip', 'z' || g % 2500, 'city', 'c' || g % 40), 'floor', g % 1500, 'flags', jsonb_build_array('f' || g % 1100, 'g' || g % 7))
       from generate_series(1, $1::int) g""",
    """insert into reading select g, 1 + (g * 41) % 900, timestamptz '2024-01-01' + g * interval '20 seconds', (g * 37) % 1000 / 10.0, g % 5 from generate_series(1, $1::int * 6) g""",
    """insert into booking select g, 1 + (g * 43) % $1::int, md5('c' || 1 + (g * 47) % ($1::int / 2))::uuid,
       tstzrange(timestamptz '2024-01-01' + g * interval '4 minutes', timestamptz '2024-01-01' + g * interval '4 minutes' + interval '1 hour' * (1 + g % 5)), g % 40
       from generate_series(1, $1::int * 2) g""",
    """insert into job select g, (array['mail', 'label', 'route', 'bill'])[1 + g % 4], timestamptz '2024-01-01' + (g * 7) % 90000 * interval '1 minute',
       case when g % 250 <> 0 then timestamptz '2024-01-02' + g * interval '1 second' end, g % 4, repeat(md5('j' || g), 4) from generate_series(1, $1::int * 3) g""",
    """insert into complaint select g, md5('p' || 1 + (g * 53) % $1::int)::uuid, timestamptz '2024-01-01' + g * interval '9 minutes',
       case when g % 120 <> 0 then timestamptz '2024-01-09' + g * interval '9 minutes' end, md5('b' || g) || ' ' || md5('d' || g) from generate_series(1, $1::int) g""",
)

# What stands for $1 when the statements are scored.
VALUE = "md5('c77')::uuid"
_PARCEL = "5f2c3a1d-0a5e-4c53-9d5e-111111111111"
# kind of question -> the statement that asks it
QUERIES: dict[str, str] = {
    "tenant, state, newest": "select id, code from parcel where tenant_id = 8 and state = 'held' order by created_at desc limit 20",
    "latitude and longitude": """select id, name from locker where latitude between 48.1 and 48.15 and longitude between 8.2 and 8.5""",
    "box": "select id, name from locker where place <@ box '((8.10,48.10),(8.25,48.25))'",
    "arrays overlap": "select id, name from locker where tags && array['t17', 'u450']",
    "document inside": """select id, name from locker where attributes -> 'address' @> '{"zip": "z1234"}'""",
    "document path": """select id, name from locker where attributes @? '$.flags[*] ? (@ == "f77")'""",
    "number in a document": "select id, name from locker where (attributes ->> 'floor')::int = 777",
    "words": "select id, code from parcel where document @@ to_tsquery('simple', 'word77 & term847')",
    "latest of each": """select distinct on (device_id) device_id, taken_at, value from reading where device_id in (17, 230, 611)
                         order by device_id, taken_at desc""",
    "top n by window": """select device_id, taken_at, value from (select device_id, taken_at, value, row_number() over (partition by device_id
                          order by taken_at desc) as place from reading where device_id = 512) ranked where place <= 3""",
    "not exists": """select p.id, p.code from parcel p where p.tenant_id = 21 and p.created_at >= '2024-03-01' and p.created_at < '2024-03-20'
                     and not exists (select from scan s where s.parcel_id = p.id)""",
    "left join is null": """select c.id, c.name from customer c left join parcel p on p.customer_id = c.id
                            where c.tenant_id = 30 and c.joined >= '2023-05-20' and p.id is null""",
    "union": f"""select happened_at as at, kind from scan where parcel_id = md5('p4711')::uuid
                 union select opened_at, 'complaint' from complaint where parcel_id = '{_PARCEL}'""",
    "having": """select customer_id, count(*) from parcel where tenant_id = 9 and created_at >= '2024-05-01' and created_at < '2024-05-08'
                 group by customer_id having count(*) > 1""",
    "day of": "select id, depot_id from scan where date_trunc('day', happened_at at time zone 'utc') = '2024-02-03' and depot_id = 40",
    "coalesce": "select id, email from customer where coalesce(nickname, name) = 'nick4704'",
    "flags": "select id, code from parcel where is_flagged and not is_closed order by created_at limit 50",
    "between dates": "select id, weight from parcel where promised between '2024-06-01' and '2024-06-02' and tenant_id = 33",
    "queue": """select id, payload from job where locked_at is null and queue = 'bill' and run_at <= '2024-02-01'
                order by run_at limit 5 for update skip locked""",
    "first of one": "select min(taken_at), max(taken_at) from reading where device_id = 77",
    "count distinct": "select count(distinct device_id) from reading where taken_at >= '2024-01-20 10:00+00' and taken_at < '2024-01-20 12:00+00'",
    "in a subquery": """select id, code from parcel where customer_id in (select id from customer where segment = 'vip' and tenant_id = 12)""",
    "lower()": "select id, name from customer where lower(email) = 'who1234@mail.example'",
    "keyset": """select id, happened_at from scan where depot_id = 77 and (happened_at, id) < ('2024-02-20', 60000)
                 order by happened_at desc, id desc limit 25""",
    "nulls last": "select id, code, delivered_at from parcel where tenant_id = 5 order by delivered_at desc nulls last limit 20",
    "ranges overlap": "select id, locker_id from booking where during && tstzrange('2024-03-01 10:00+00', '2024-03-01 10:20+00')",
    "uuid key": "select id, price from booking where customer_id = $1",
    "network": "select id, name from customer where ip <<= inet '10.77.0.0/16' and segment = 'shop'",
    "any of a list": "select id, happened_at from scan where depot_id = any(array[3, 14, 159]) and kind = 'lost' and happened_at >= '2024-06-20'",
    "open ones": "select id, opened_at from complaint where solved_at is null order by opened_at limit 30",
    "prefix": "select id, state from parcel where code like 'PX-A1B%'",
    "group in order": "select depot_id, max(happened_at) from scan where kind = 'lost' and depot_id < 6 group by depot_id",
}
# What only a server with pg_trgm can serve.
INFIX = {"ILIKE": "select id, name from locker where name ilike '%d41d8c%'"}
