"""A help desk of five tables, and statements that each want another kind of index."""

from __future__ import annotations

SCHEMA = """
create table member (id int primary key, org_id int not null, email text not null, handle varchar(40) not null, token uuid not null);
create table ticket (id int primary key, org_id int not null, opener_id int not null references member, reviewer_id int,
    status text not null, priority int not null, subject text not null, labels text[] not null, extra jsonb not null,
    opened_at timestamptz not null, closed_at timestamptz, deleted_at timestamptz);
create table message (id int primary key, ticket_id int not null references ticket, author_id int not null references member,
    body text not null, is_sent boolean not null, sent_at timestamptz not null);
create table worklog (id int primary key, ticket_id int not null, member_id int not null, minutes int not null,
    began timestamp not null, note text not null);
create table visit (id bigint primary key, member_id int not null, kind text not null, seen_at timestamptz not null, page text not null);
"""

# $1 is the number of tickets.
ROWS = (
    """insert into member select g, 1 + g % 97, 'Member' || g || '@Example.org', substr(md5(g::text), 1, 12), md5('t' || g)::uuid
       from generate_series(1, $1::int / 10) g""",
    """insert into ticket select g, 1 + (g * 7) % 97, 1 + (g * 13) % ($1::int / 10), case when g % 5 = 0 then 1 + (g * 31) % ($1::int / 10) end,
       case when g % 400 = 0 then 'escalated' when g % 3 = 0 then 'open' else 'closed' end, 1 + (g * 11) % 5,
       'about ' || md5('s' || g) || ' and more', array['l' || g % 50, 'k' || g % 700], jsonb_build_object('source', 's' || g % 900, 'n', g % 3000),
       timestamptz '2024-01-01' + g * interval '3 minutes', case when g % 3 <> 0 then timestamptz '2024-02-01' + g * interval '3 minutes' end,
       case when g % 300 = 0 then timestamptz '2025-01-01' end from generate_series(1, $1::int) g""",
    """insert into message select g, 1 + (g * 17) % $1::int, 1 + (g * 19) % ($1::int / 10), repeat(md5('b' || g) || ' ', 3), g % 500 <> 0,
       timestamptz '2024-01-01' + g * interval '1 minute' from generate_series(1, $1::int * 3) g""",
    """insert into worklog select g, 1 + (g * 23) % $1::int, 1 + (g * 29) % ($1::int / 10), g % 90, timestamp '2024-01-01' + g * interval '90 seconds',
       md5('w' || g) from generate_series(1, $1::int * 2) g""",
    """insert into visit select g, 1 + (g * 37) % ($1::int / 10), (array['view', 'click', 'search'])[1 + g % 3],
       timestamptz '2024-01-01' + g * interval '40 seconds', '/page/' || (g * 41) % 5000 from generate_series(1, $1::int * 4) g""",
)

# What stands for $1 when the statements are scored.
VALUE = "4242"
# kind of index -> the statement that wants it
QUERIES: dict[str, str] = {
    "foreign key": "select id, body from message where ticket_id = 4711",
    "foreign key, parameter": "select id, minutes from worklog where ticket_id = $1",
    "equality and sort": "select id, subject from ticket where org_id = 12 and priority = 3 order by opened_at desc limit 20",
    "equality before range": "select id, subject from ticket where opener_id = 77 and opened_at >= '2024-01-03' and opened_at < '2024-03-01'",
    "rare status": "select id, subject from ticket where status = 'escalated' order by id limit 200",
    "lower()": "select id, handle from member where lower(email) = 'member4217@example.org'",
    "LIKE prefix": "select id, email from member where handle like 'ab3%'",
    "jsonb contains": """select id, subject from ticket where extra @> '{"source": "s17", "n": 917}'""",
    "jsonb key": "select id, subject from ticket where extra ->> 'source' = 's44' and org_id = 5",
    "time range": "select count(*) from visit where seen_at >= '2024-01-20 08:00+00' and seen_at < '2024-01-20 09:00+00'",
    "keyset": "select id, opened_at from ticket where (opened_at, id) < ('2024-02-20', 26000) order by opened_at desc, id desc limit 25",
    "OR": "select id, subject from ticket where opener_id = 321 or reviewer_id = 321",
    "covering": "select count(*), sum(minutes) from worklog where member_id = 55",
    "not null and rare": "select id, deleted_at from ticket where deleted_at is not null order by deleted_at, id limit 300",
    "mixed sort": "select id, subject from ticket order by priority desc, opened_at asc limit 20",
    "newest of one": "select max(seen_at) from visit where member_id = 91",
    "list": "select id, page from visit where member_id in (3, 500, 1200)",
    "exists": """select m.id from member m where m.org_id = 31 and exists
                 (select from worklog w where w.member_id = m.id and w.minutes > 88 and w.began >= '2024-01-02')""",
    "group": "select kind, count(*) from visit where member_id = 1017 group by kind",
    "join": """select t.id, w.minutes from ticket t join worklog w on w.ticket_id = t.id
               where t.opener_id = 444 and w.minutes > 10""",
    "array": "select id, subject from ticket where labels @> array['k345']",
    "day of": "select id, note from worklog where began::date = '2024-01-15' and member_id = 8",
    "newest": "select id, author_id, sent_at from message order by sent_at desc limit 10",
    "boolean and rare": "select id, author_id from message where not is_sent order by id limit 100",
    "identifier": "select id from member where token = 'd6cd3bc8b0c1d0a1b7d5f6a0c4f2e1b3'",
    "words": "select id from message where to_tsvector('simple', body) @@ to_tsquery('simple', '4a8a08f09d37b73795649038408b5f33')",
}
# What only a server with pg_trgm can serve.
INFIX = {"ILIKE": "select id, subject from ticket where subject ilike '%d41d8cd9%'"}
