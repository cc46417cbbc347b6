"""What real histories taught: forms that a rule met in one statement, and missed in the company of others."""

from __future__ import annotations

import pytest

from mcp_server.model.finding import Finding
from mcp_server.model.walked import Environment, Migration
from mcp_server.operations.walking import statements_of
from mcp_server.rules import judge
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.observer import observe
from mcp_server.world.sandbox import Sandbox

pytestmark = pytest.mark.anyio

GIVEN = """
    create domain title as text;
    create table author (id bigint primary key, name text);
    create table book (id bigint primary key, author_id bigint, title title);
    create index on book (author_id);
    insert into book select g, null, 'x' from generate_series(1, 30) g;
"""


async def found(database: Sandbox, *statements: str) -> dict[str, Finding]:
    """What is found of statements that run in one transaction, by code."""
    connection, second = await connect(database.url), await connect(database.url)
    try:
        await connection.execute(GIVEN)
        before = await read_schema(connection)
        observed = await observe(connection, second, statements, together=True)
        after = await read_schema(connection)
    finally:
        await connection.close(timeout=5)
        await second.close(timeout=5)
    assert not any(one.error for one in observed)
    environment = Environment(has_lock_timeout=True)
    migration = Migration(
        "a revision", statements_of(observed, before), before, after, before.server_version, environment=environment
    )
    return {one.code: one for one in judge(migration).findings}


async def test_rows_that_fill_a_new_column_are_told_apart_from_ddl_that_reads(database: Sandbox) -> None:
    told = await found(
        database, "alter table book add column pages int", "update book set pages = 1 where title is not null"
    )
    assert "M135" in told
    assert "M125" not in told
    assert "alter table book add column pages int" in told["M135"].message


async def test_work_that_is_put_together_at_run_time_is_told(database: Sandbox) -> None:
    told = await found(
        database,
        "do $$ declare r record; begin for r in select 'title' as name loop "
        "execute format('create index book_%s on book (%I)', r.name, r.name); end loop; end $$",
    )
    assert told["M136"].subject == "public.book"


async def test_work_of_a_function_is_told(database: Sandbox) -> None:
    told = await found(
        database,
        "create function tidy() returns void language plpgsql as "
        "$$ begin alter table book alter column title set not null; end $$",
        "select tidy()",
    )
    assert "public.book stops reads and writes" in told["M136"].message


async def test_several_statements_in_one_text_are_told_by_their_own_rules(database: Sandbox) -> None:
    told = await found(
        database,
        "create table shelf (id int primary key); alter table book add column shelf_id int;"
        " alter table book add foreign key (shelf_id) references shelf (id);",
    )
    assert told["M107"].severity == "error"
    assert "M136" not in told


async def test_commands_on_what_the_revision_has_just_made_are_told(database: Sandbox) -> None:
    told = await found(
        database,
        "alter table book add column isbn text",
        "alter table book add constraint isbn_given check (isbn <> ''), add constraint book_isbn_key unique (isbn)",
    )
    assert {"M103", "M106"} <= told.keys()


async def test_a_required_column_is_told_although_its_default_comes_later(database: Sandbox) -> None:
    told = await found(
        database,
        "delete from book",
        "alter table book add column pages int not null",
        "alter table book alter column pages set default 1",
    )
    assert "M302" in told


async def test_a_foreign_key_of_a_new_table_is_told_where_the_revision_has_filled_it(database: Sandbox) -> None:
    made = "create table loan (id bigint primary key, book_id bigint)"
    key = "alter table loan add foreign key (book_id) references book (id)"
    told = await found(database, made, "insert into loan select id, id from book", key)
    assert told["M107"].severity == "error"
    assert "ShareRowExclusiveLock on public.book stops writes" in told["M107"].message


async def test_a_foreign_key_of_an_empty_new_table_reads_nothing(database: Sandbox) -> None:
    made = "create table loan (id bigint primary key, book_id bigint)"
    key = "alter table loan add foreign key (book_id) references book (id)"
    told = await found(database, made, key)
    assert told.keys() == {"M401"}


async def test_a_form_that_no_rule_knows_is_told_by_what_it_was_seen_to_do(database: Sandbox) -> None:
    told = await found(
        database,
        "alter table book add constraint book_author foreign key (author_id) references author (id) not enforced",
        "alter table book alter constraint book_author enforced",
    )
    assert "public.book stops reads and writes" in told["M136"].message


@pytest.mark.every_postgres
async def test_a_domain_has_no_form_that_checks_its_rows_beside_writers(database: Sandbox) -> None:
    told = await found(
        database,
        "alter domain title add constraint short check (length(value) < 90) not valid",
        "alter domain title validate constraint short",
    )
    assert "ShareLock on public.book stops writes" in told["M123"].message
