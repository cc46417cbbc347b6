"""review_migration on scripts about tables that nobody knows, and on what such scripts get wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.model.answer import Answer
from mcp_server.operations.review import review_migration
from mcp_server.world.reach import reaches_beyond
from mcp_server.world.sandbox import Sandboxes
from tests.opened import open_project

pytestmark = pytest.mark.anyio


async def review(folder: Path, sandboxes: Sandboxes, sql: str) -> Answer:
    """The review of a script in a folder that holds nothing else."""
    return await review_migration(open_project(folder, sandboxes), sql=sql)


def found(answer: Answer, *severities: str) -> list[str]:
    """The codes of the findings, by severity and place."""
    data = cast(dict[str, Any], answer.data)
    kept = severities or ("error", "warning")
    return [one["code"] for one in data["findings"] if one["severity"] in kept and one["code"] != "M126"]


@pytest.mark.parametrize(
    ("sql", "codes"),
    [
        ("alter table book add column isbn text", []),
        ("create index on book (title)", ["M101"]),
        ("create index on shop.book (title)", ["M101"]),
        ("create index concurrently on book using gin (tags)", []),
        ("create index concurrently on book using gist (sold)", []),
        ("create index concurrently on book (title varchar_pattern_ops) where price > 3", []),
        ("alter table book add column id bigserial", ["M110"]),
        ("alter table book add column id uuid default fresh_id()", ["M110"]),
        ("alter table book add column number bigint default nextval('numbers')", ["M110"]),
        ("alter table book add column id int primary key", ["M104", "M302"]),
        ("alter table book add primary key (isbn)", ["M104"]),
        ("alter table book add foreign key (author_id) references author (id)", ["M107", "M401"]),
        ("alter table book add foreign key (author) references author", ["M107", "M401"]),
        ("alter table book add constraint apart exclude using gist (room with =, span with &&)", ["M115"]),
        ("alter table book alter column pages set not null", ["M108"]),
        ("alter table book validate constraint b_title_not_null; alter table book alter column title set not null", []),
        ("alter domain isbn add constraint long check (length(value) > 3)", ["M123"]),
        ("alter domain weight add constraint heavy check (value > 3)", ["M123"]),
        ("drop index book_title", ["M102"]),
        ("reindex table book", ["M121"]),
        ("reindex index book_title", ["M121"]),
        ("reindex (concurrently false) index book_title", ["M121"]),
        ("reindex (concurrently) index book_title", []),
        ("cluster book using book_title", ["M120"]),
        ("cluster book", ["M120"]),
        ("vacuum (full off) book", []),
        ("alter table book set logged", ["M120"]),
        ("refresh materialized view sales", ["M122"]),
        ("refresh materialized view concurrently sales", []),
        ("refresh materialized view sales with no data", ["M211"]),
        ("alter table log attach partition log_2026 for values from ('2026-01-01') to ('2027-01-01')", ["M116"]),
        ("alter table log detach partition log_2026", ["M119"]),
        ("alter table log detach partition log_2025 concurrently; alter table log detach partition log_2026 concurrently", []),
        ("alter type mood add value 'calm' before 'sad'", []),
        ("alter table book rename to volume; alter table volume rename column title to name", ["M207"]),
        ("drop view best_books", ["M203"]),
        ("create trigger seen after insert on book for each row execute function tell()", []),
        ("update book set price = 3 where title like 'A%' and active and author_id = 7", []),
        ("delete from book where true", ["M128"]),
        ("delete from book where 1 = 1 or title = 'x'", ["M128"]),
        ("delete from book where null is not null", []),
        ("drop database library", ["M204"]),
        ("drop table if exists book", ["M201"]),
        ("alter table if exists book drop column if exists title", ["M202"]),
        ("drop index if exists book_title", ["M102"]),
        ("drop index concurrently if exists book_title", []),
        ("drop table if exists book; create table book (id int); alter table book add column x int not null", []),
        ("begin; set constraints b_author_fk immediate; alter table book drop constraint b_author_fk; commit", []),
        ("alter table book drop constraint book_isbn_key", ["M406"]),
        ("reindex database library", ["M121"]),
        ("begin; alter table book rename to volume; create view book as select * from volume; commit", []),
        ("drop table book; create table book (id int)", ["M201"]),
        ("drop domain isbn", ["M204"]),
        ("call restock(1, 'x')", []),
        ("alter table book add check (lower(title) = title and jsonb_typeof(data) = 'object' and pages > 1)", ["M106"]),
        ("create index concurrently on book ((data ->> 'isbn'))", []),
        ("create trigger t after update on book for each row when (old.a is distinct from new.a) execute function f()", []),
        ("alter type address add attribute zip text", []),
        ("alter table book alter number add generated always as identity", []),
        ("create extension postgis; alter table book add column place geometry(point, 4326)", []),
        ("create table part partition of book for values in ('x')", ["M118"]),
        ("merge into book b using news n on b.id = n.id when matched then update set price = n.price", []),
    ],
)  # fmt: skip
async def test_what_nobody_knows_is_made_up_and_the_script_judged(
    sql: str, codes: list[str], tmp_path: Path, sandboxes: Sandboxes
) -> None:
    answer = await review(tmp_path, sandboxes, sql)
    assert found(answer) == codes, answer.text


async def test_what_was_made_up_is_said(tmp_path: Path, sandboxes: Sandboxes) -> None:
    text = (await review(tmp_path, sandboxes, "create index on book (title)")).text
    assert "Nobody here knows table book (title): made up as the script uses them" in text
    assert "with made-up objects" in text
    assert "no database is named" not in text


async def test_what_depends_on_the_details_of_something_made_up_is_no_error(
    tmp_path: Path, sandboxes: Sandboxes
) -> None:
    script = """
        alter table book alter column title type text;
        alter table book alter column sold type timestamptz;
        create unique index concurrently book_key on book (isbn);
        alter table book add constraint book_key primary key using index book_key;
    """
    answer = await review(tmp_path, sandboxes, script)
    assert found(answer, "error") == []
    assert {"M105", "M112", "M114"} <= set(found(answer, "warning"))
    assert "not known" in answer.text


async def test_faults_of_the_script_itself_stay_errors(tmp_path: Path, sandboxes: Sandboxes) -> None:
    for script in (
        "alter table book add column sold boolean default random()",
        "alter table book add column sold timestamptz default now(3)",
        "alter table book add column isbn text; alter table book add column isbn text",
        "alter table book add column isbn text; create table book (id int)",
        "create table shelf (id int); create index concurrently on shelf (place)",
    ):
        answer = await review(tmp_path, sandboxes, script)
        assert found(answer, "error") == ["M301"], answer.text


async def test_what_cannot_be_made_up_is_judged_from_its_text(tmp_path: Path, sandboxes: Sandboxes) -> None:
    script = "begin; alter table log detach partition log_2026 finalize; alter table log alter column at set not null; commit"
    answer = await review(tmp_path, sandboxes, script)
    assert "was not run but judged from its text" in answer.text
    assert found(answer) == ["M108"]


async def test_a_statement_that_acts_on_the_server_is_not_run(tmp_path: Path, sandboxes: Sandboxes) -> None:
    async with sandboxes.lend() as kept:
        answer = await review(
            tmp_path, sandboxes, f'drop database "{kept.name}";\ncreate role drawn_up;\nalter system reset all'
        )
        async with sandboxes.lend() as other:
            from mcp_server.world.database import connect

            connection = await connect(other.url)
            try:
                assert await connection.fetchval("select count(*) from pg_database where datname = $1", kept.name) == 1
                assert await connection.fetchval("select count(*) from pg_roles where rolname = 'drawn_up'") == 0
            finally:
                await connection.close()
    assert answer.text.count("acts on the whole server") == 1
    assert sorted(found(answer)) == ["M204", "M320", "M320"]


@pytest.mark.parametrize(
    ("sql", "is_sent", "is_sent_by_the_powerless"),
    [
        ("drop database shop", False, False),
        ("/* now */ ALTER SYSTEM set work_mem = '1MB'", False, True),
        ("create role clerk", False, True),
        ("copy book from program 'curl x'", False, True),
        ("create user mapping for public server s", True, True),
        ("drop table databases", True, True),
    ],
)
def test_on_a_server_of_the_users_nothing_is_sent_that_reaches_beyond_a_copy(
    sql: str, is_sent: bool, is_sent_by_the_powerless: bool
) -> None:
    assert reaches_beyond(sql) is not is_sent
    assert reaches_beyond(sql, is_powerless=True) is not is_sent_by_the_powerless


async def test_rows_that_the_script_itself_writes_count(tmp_path: Path, sandboxes: Sandboxes) -> None:
    script = "create table book (id int); insert into book values (1); alter table book add column isbn text not null"
    assert found(await review(tmp_path, sandboxes, script)) == ["M302"]
    empty = "create table book (id int); alter table book add column isbn text not null"
    assert found(await review(tmp_path, sandboxes, empty)) == []


async def test_a_partial_index_on_an_unserved_key_is_told_as_no_cure(tmp_path: Path, sandboxes: Sandboxes) -> None:
    tables = "create table author (id int primary key); create table book (author int references author);"
    answer = await review(tmp_path, sandboxes, tables + "create index on book (author) where author = 1")
    assert "M401" in found(answer)


async def test_a_renamed_constraint_is_told_as_an_info(tmp_path: Path, sandboxes: Sandboxes) -> None:
    answer = await review(tmp_path, sandboxes, "alter table book rename constraint a to b; alter index c rename to d")
    assert found(answer) == []
    assert found(answer, "info").count("M207") == 2


async def test_opinions_that_the_copy_disproves_take_one_line(tmp_path: Path, sandboxes: Sandboxes) -> None:
    script = "create table book (id int, name varchar(9)); alter table book alter column name type text;"
    text = (await review(tmp_path, sandboxes, "set lock_timeout = '3s';" + script)).text
    lines = [line for line in text.splitlines() if "squawk" in line]
    assert lines == [
        "info squawk/changing-column-type line 1: `alter table book alter column name type text`."
        " It was seen to do nothing of the kind here."
    ]
