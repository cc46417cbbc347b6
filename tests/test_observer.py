"""What single statements do, seen from a second session: locks that are held, files, scans, index builds, evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from mcp_server.model.lock import Lock
from mcp_server.model.observation import Effect, Observed
from mcp_server.world.database import connect
from mcp_server.world.observer import controls_transactions, observe, runs_alone
from mcp_server.world.sandbox import Sandbox

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

SHELVES = """
    create schema "Back room";
    create table shelf (id bigint primary key, place text not null, width int, note varchar(20));
    create table book (id bigint primary key, title text, shelf bigint constraint book_shelf references shelf,
      pages int constraint pages_known check (pages is not null));
    create table "Back room".book (id bigint primary key, title text);
    create table visit (at date not null, who text) partition by range (at);
    create table visit_2025 partition of visit for values from ('2025-01-01') to ('2026-01-01');
    create table visit_rest partition of visit default;
    create table visit_2026 (at date not null, who text);
    create materialized view titles as select id, title from book;
    create unique index titles_id on titles (id);
    create domain amount as int;
    create table sale (id int, sum amount);
    insert into shelf select n, 'a', n, 'b' from generate_series(1, 100) n;
    insert into book select n, 'a', n, n from generate_series(1, 100) n;
"""


@pytest.fixture
async def second(database: Sandbox, connection: Connection) -> AsyncIterator[Connection]:
    await connection.execute(SHELVES)
    opened = await connect(database.url)
    yield opened
    await opened.close(timeout=5)


def words(effect: Effect) -> dict[str, str]:
    return {lock.relation: lock.mode.removesuffix("Lock") for lock in effect.locks}


async def one(connection: Connection, second: Connection, sql: str) -> Observed:
    (seen,) = await observe(connection, second, [sql])
    return seen


EFFECTS: list[tuple[str, Effect]] = [
    ("alter table shelf add column depth int",
     Effect((Lock("public.shelf", "AccessExclusiveLock"),))),
    ("alter table shelf alter column width type bigint",
     Effect((Lock("public.shelf", "AccessExclusiveLock"),), ("public.shelf", "public.shelf_pkey"), ("public.shelf",),
            ("public.shelf",))),
    ("create index on shelf (place)",
     Effect((Lock("public.shelf", "ShareLock"),), (), ("public.shelf",), ("public.shelf",))),
    ('create index on "Back room".book (title)',
     Effect((Lock('"Back room".book', "ShareLock"),), (), ('"Back room".book',), ('"Back room".book',))),
    ("alter table shelf alter column width set not null",
     Effect((Lock("public.shelf", "AccessExclusiveLock"),), (), ("public.shelf",))),
    ("alter table book alter column pages set not null",
     Effect((Lock("public.book", "AccessExclusiveLock"),))),
    ("alter table book add constraint again foreign key (shelf) references shelf (id)",
     Effect((Lock("public.book", "ShareRowExclusiveLock"), Lock("public.shelf", "ShareRowExclusiveLock")),
            (), ("public.book", "public.shelf"))),
    ("drop table book cascade",
     Effect((Lock("public.book", "AccessExclusiveLock"), Lock("public.shelf", "AccessExclusiveLock"),
             Lock("public.titles", "AccessExclusiveLock")))),
    ("create table visit_2027 partition of visit for values from ('2027-01-01') to ('2028-01-01')",
     Effect((Lock("public.visit", "AccessExclusiveLock"), Lock("public.visit_rest", "AccessExclusiveLock")),
            (), ("public.visit_rest",))),
    ("alter table visit attach partition visit_2026 for values from ('2026-01-01') to ('2027-01-01')",
     Effect((Lock("public.visit", "ShareUpdateExclusiveLock"), Lock("public.visit_2026", "AccessExclusiveLock"),
             Lock("public.visit_rest", "AccessExclusiveLock")), (), ("public.visit_2026", "public.visit_rest"))),
    ("alter domain amount add constraint positive check (value > 0)",
     Effect((Lock("public.sale", "ShareLock"),), (), ("public.sale",))),
    ("truncate book",
     Effect((Lock("public.book", "AccessExclusiveLock"),), ("public.book", "public.book_pkey"))),
    ("cluster shelf using shelf_pkey",
     Effect((Lock("public.shelf", "AccessExclusiveLock"),), ("public.shelf", "public.shelf_pkey"), ("public.shelf",),
            ("public.shelf",))),
    ("refresh materialized view titles",
     Effect((Lock("public.book", "AccessShareLock"), Lock("public.titles", "AccessExclusiveLock")),
            ("public.titles", "public.titles_id"), ("public.book", "public.titles"), ("public.titles",))),
    ("create table leaf (id int primary key)", Effect()),
]  # fmt: skip


@pytest.mark.every_postgres
@pytest.mark.parametrize(("sql", "effect"), EFFECTS, ids=[sql for sql, _ in EFFECTS])
async def test_a_statement_shows_its_locks_rewrites_scans_and_builds(
    sql: str, effect: Effect, connection: Connection, second: Connection
) -> None:
    seen = await one(connection, second, sql)
    assert (seen.effect, seen.error) == (effect, "")


@pytest.mark.every_postgres
@pytest.mark.parametrize(
    ("sql", "lock", "build"),
    [
        ("create index concurrently on shelf (place)", "ShareUpdateExclusive", True),
        ("drop index concurrently spare", "ShareUpdateExclusive", False),
        ("reindex table concurrently shelf", "ShareUpdateExclusive", True),
        ("vacuum shelf", "ShareUpdateExclusive", False),
        ("vacuum full shelf", "AccessExclusive", True),
    ],
)
async def test_what_runs_outside_of_transactions_is_seen_while_it_waits_for_us(
    sql: str, lock: str, build: bool, connection: Connection, second: Connection
) -> None:
    await connection.execute("create index spare on shelf (width)")
    seen = await one(connection, second, sql)
    assert seen.error == ""
    assert words(seen.effect) == {"public.shelf": lock}
    assert seen.effect.builds == (("public.shelf",) if build else ())
    assert seen.effect.rewrites == (
        ("public.shelf", "public.shelf_pkey", "public.spare") if sql.startswith("vacuum full") else ()
    )
    assert seen.transaction == 1
    assert not second.is_in_transaction()


async def test_locks_are_those_held_at_the_end_and_fresh_ones_are_told_apart(
    connection: Connection, second: Connection
) -> None:
    first, then, last = await observe(
        connection,
        second,
        ["alter table shelf add depth int", "create index on book (title)", "select 1"],
        together=True,
    )
    assert words(first.effect) == {"public.shelf": "AccessExclusive"}
    assert words(then.effect) == {"public.book": "Share", "public.shelf": "AccessExclusive"}
    assert then.fresh == (Lock("public.book", "ShareLock"),)
    assert last.effect.locks == then.effect.locks
    assert last.fresh == ()
    assert {first.transaction, then.transaction, last.transaction} == {1}


async def test_transactions_are_those_that_the_statements_open(connection: Connection, second: Connection) -> None:
    seen = await observe(
        connection,
        second,
        ["alter table shelf add a int", "begin", "alter table shelf add b int", "alter table shelf add c int",
         "commit; -- done", "/* on */ alter table shelf add d int", "", "-- nothing"],
    )  # fmt: skip
    assert [one.transaction for one in seen] == [1, 2, 2, 3]
    assert not connection.is_in_transaction()


async def test_a_scan_counts_for_the_statement_that_made_it(connection: Connection, second: Connection) -> None:
    statements = ["alter table shelf alter width set not null", "alter table shelf add x int", "select from shelf"]
    seen = await observe(connection, second, statements, together=True)
    assert [one.effect.scans for one in seen] == [("public.shelf",), (), ("public.shelf",)]
    again = await observe(connection, second, ["alter table shelf add y int"])
    assert again[0].effect.scans == ()


async def test_relations_of_the_transaction_itself_do_not_count_and_names_are_the_old_ones(
    connection: Connection, second: Connection
) -> None:
    made, renamed, rewritten = await observe(
        connection,
        second,
        ["create table leaf (id int primary key, book bigint references book)", "alter table shelf rename to rack",
         "alter table rack alter width type bigint"],
        together=True,
    )  # fmt: skip
    assert words(made.effect) == {"public.book": "ShareRowExclusive"}
    assert renamed.fresh == (Lock("public.shelf", "AccessExclusiveLock"),)
    assert rewritten.effect.rewrites == ("public.shelf", "public.shelf_pkey")
    assert rewritten.effect.scans == ("public.shelf",)


async def test_what_postgres_says_is_kept_without_the_chatter(connection: Connection, second: Connection) -> None:
    proved = await one(connection, second, "alter table book alter pages set not null")
    rewritten = await one(connection, second, "alter table shelf alter width type bigint")
    assert proved.evidence == (
        'existing constraints on column "book.pages" are sufficient to prove that it does not contain nulls',
    )
    assert rewritten.evidence == ('rewriting table "shelf"', 'building index "shelf_pkey" on table "shelf" serially')


async def test_a_name_that_two_schemas_have_means_the_table_that_was_touched(
    connection: Connection, second: Connection
) -> None:
    seen = await observe(
        connection, second, ["lock table book", 'alter table "Back room".book alter title set not null'], together=True
    )
    assert seen[1].effect.scans == ('"Back room".book',)


async def test_the_first_statement_that_is_refused_is_the_last_and_says_why(
    connection: Connection, second: Connection
) -> None:
    seen = await observe(
        connection, second, ["alter table shelf add x int", "alter table shelf add id int", "select 1"], together=True
    )
    assert [one.sqlstate for one in seen] == ["", "42701"]
    assert 'column "id" of relation "shelf" already exists' in seen[1].error
    assert not connection.is_in_transaction()
    assert await connection.fetchval("select count(*) from pg_attribute where attname = 'x'") == 0
    assert await connection.fetchval("show client_min_messages") == "notice"


async def test_what_a_commit_refuses_is_the_statements_own_error(connection: Connection, second: Connection) -> None:
    await connection.execute("alter table book alter constraint book_shelf deferrable initially deferred")
    seen = await one(connection, second, "insert into book values (999, 'a', 999, 1)")
    assert seen.sqlstate == "23503"


@pytest.mark.parametrize(
    ("sql", "alone"),
    [
        ("create index concurrently i on t (a)", True),
        ("-- why\nDROP INDEX CONCURRENTLY i", True),
        ("vacuum (analyze) t", True),
        ("reindex database d", True),
        ("cluster", True),
        ("alter table p detach partition q concurrently", True),
        ("do $$ begin commit; end $$", True),
        ("do $$ begin null; end $$", False),
        ("refresh materialized view concurrently m", False),
        ("create index i on t (a)", False),
        ("cluster t using i", False),
        ("analyze t", False),
    ],
)
def test_what_runs_outside_of_transactions_only_is_known(sql: str, alone: bool) -> None:
    assert runs_alone(sql) is alone


@pytest.mark.parametrize(
    ("sql", "controls"),
    [
        ("BEGIN", True),
        ("start transaction isolation level serializable", True),
        ("/* x */ commit;", True),
        ("rollback", True),
        ("rollback to savepoint s", False),
        ("rollback to s", False),
        ("savepoint s", False),
        ("beginning", False),
    ],
)
def test_words_that_open_and_close_transactions_are_known(sql: str, controls: bool) -> None:
    assert controls_transactions(sql) is controls


async def test_a_foreign_key_of_a_table_made_in_the_same_transaction_reads_nothing_of_the_other(
    connection: Connection, second: Connection
) -> None:
    made = "create table loan (id bigint primary key, book bigint)"
    key = "alter table loan add foreign key (book) references book"
    *_, seen = await observe(connection, second, [made, key], together=True)

    assert seen.evidence == ('validating foreign key constraint "loan_book_fkey"',)
    assert seen.effect == Effect((Lock("public.book", "ShareRowExclusiveLock"),))
