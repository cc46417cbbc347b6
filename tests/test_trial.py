"""explain_query tries things out: on a copy what changes anything, and live stays as it was to the last sequence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from mcp_server.errors import Refused, StatementFailed
from mcp_server.model.answer import Answer
from mcp_server.operations.explain import explain_query
from mcp_server.operations.ground import live_ground
from mcp_server.world.database import connect
from mcp_server.world.filled_copy import filled_copy
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

TABLES = """
create type mood as enum ('calm', 'hurried');
create table shop (id int generated always as identity primary key, name text not null, moods mood[]);
create table sale (id serial primary key, shop_id int not null references shop, paid numeric(10, 2), made date not null,
  doubled numeric generated always as (paid * 2) stored, note text);
insert into shop (name, moods) select 'Shop ' || g, '{calm,hurried}' from generate_series(1, 300) g;
insert into sale (shop_id, paid, made, note) select 1 + g % 300, g % 90, date '2024-01-01' + g % 500, E'tab\\t and \\\\ ' || g
  from generate_series(1, 20000) g;
create table noted (what text);
create function note() returns trigger language plpgsql as $$ begin insert into noted values (new.note); return new; end $$;
create trigger noting before update on sale for each row execute function note();
create function numbered() returns int language plpgsql as $$ begin insert into noted values ('x'); return nextval('sale_id_seq'); end $$;
analyze
"""
STATE = """
  select jsonb_build_array((select md5(string_agg(s::text, ',' order by id)) from sale s), (select count(*) from noted),
    (select last_value from sale_id_seq), (select count(*) from pg_class where relkind = 'i' and relnamespace = 'public'::regnamespace),
    (select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())))::text
"""


@pytest.fixture
async def selling(database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path) -> AsyncIterator[Workspace]:
    """A workspace whose live database holds TABLES; what it is asked must not change them."""
    connection = await connect(database.url)
    await connection.execute(TABLES)
    before = await connection.fetchval(STATE)
    workspace = open_project(tmp_path, sandboxes, database_url=database.url, cache=cache)
    yield workspace
    assert await connection.fetchval(STATE) == before
    await connection.close(timeout=5)


def data(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer.data, dict)
    return answer.data


async def test_an_index_is_built_on_a_copy_and_measured_there(selling: Workspace) -> None:
    answer = await explain_query(
        selling,
        "select note from sale where made = $1",
        ("2024-03-05",),
        indexes=("create index concurrently on sale (made)",),
    )
    assert answer.text.startswith("Faster, ")
    assert "measured on a throw-away copy of 1 table with all 20,000 rows." in answer.text.splitlines()[0]
    assert "Used by the plan: sale_made_idx" in answer.text
    trial = data(answer)["trial"]
    assert trial["measured"]
    assert trial["helps"]
    assert trial["after"]["blocks"] < trial["before"]["blocks"] / 3
    assert trial["after"]["rows_read"] == 40


async def test_an_index_that_the_plan_passes_over_is_struck_out(selling: Workspace) -> None:
    answer = await explain_query(
        selling, "select sum(paid) from sale where made > '2024-01-02'", indexes=("sale (made)",)
    )
    assert "Leave it as it is." in answer.text.splitlines()[0]
    assert "Built and not used, so do not create: sale_made_idx" in answer.text
    assert data(answer)["trial"]["indexes"][0]["used"] is False
    assert data(answer)["trial"]["helps"] is False


async def test_without_values_a_gain_is_called_estimated(selling: Workspace) -> None:
    answer = await explain_query(selling, "select note from sale where made = $1", indexes=("sale (made)",))
    assert answer.text.startswith("Cheaper, ")
    assert "only estimated" in answer.text.splitlines()[0]
    assert data(answer)["trial"]["measured"] is False


async def test_only_indexes_are_built(selling: Workspace) -> None:
    for text in (
        "drop table sale",
        "create table x (a int)",
        "select 1",
        "create index on sale (made); drop table sale",
    ):
        with pytest.raises(Refused, match="Only indexes are built"):
            await explain_query(selling, "select 1", indexes=(text,))
    with pytest.raises(StatementFailed, match="nothing"):
        await explain_query(selling, "select * from sale", indexes=("sale (nothing)",))
    with pytest.raises(Refused, match="one at a time"):
        await explain_query(selling, "select 1", indexes=("sale (made)",), rewrite="select 1")


async def test_a_rewritten_query_is_held_against_the_rows_of_the_first(selling: Workspace) -> None:
    sql = "select distinct s.id, s.name from shop s join sale on shop_id = s.id where made < $1"
    exists = "select s.id, s.name from shop s where exists (select from sale where shop_id = s.id and made < $1)"
    same = await explain_query(selling, sql, ("2024-05-01",), rewrite=exists)
    assert "Both return the same 300 rows" in same.text
    assert data(same)["trial"]["equal"] is True
    other = await explain_query(selling, sql, ("2024-05-01",), rewrite=sql.replace("distinct ", ""))
    assert other.text.startswith("Not the same question: the rewritten query returns other rows.")
    assert "rows are new, such as (" in other.text
    counted = await explain_query(selling, "select 1 from shop", rewrite="select 1 from shop union select 1")
    assert "299 rows are lost" in counted.text
    with pytest.raises(Refused, match="running both"):
        await explain_query(selling, sql, rewrite=exists)


async def test_rows_without_equality_and_odd_names_are_compared(selling: Workspace) -> None:
    sql = "select 1 as dbarch, json_build_object('a', id) as \"a b\", 1 as dbarch from shop where name <> '%s'"
    assert data(await explain_query(selling, sql, rewrite=sql))["trial"]["equal"] is True


async def test_statements_that_change_rows_are_measured_on_a_copy(selling: Workspace) -> None:
    for sql in (
        "delete from sale where made = '2024-02-02'",
        "update sale set paid = 1 where made = '2024-02-02' returning id",
        "insert into sale (shop_id, paid, made) select 1, 1, '2024-02-02' from generate_series(1, 50)",
        "insert into shop (name) values ('new') returning id",
        "with gone as (delete from sale where id < 9 returning *) select count(*) from gone",
        "select numbered() from shop where id < 4",
        "merge into sale s using shop on shop.id = s.id when matched then update set note = 'x'",
    ):
        answer = await explain_query(selling, sql, analyze=True)
        assert answer.text.startswith("Run on a throw-away copy of "), sql
        assert data(answer)["analyzed"], sql
        assert "live was only read" in answer.verdict, sql


async def test_a_foreign_key_without_an_index_shows_on_the_copy(selling: Workspace) -> None:
    with pytest.raises(StatementFailed, match="violates foreign key"):
        await explain_query(selling, "delete from shop where id < 9", analyze=True)
    sql = "with gone as (delete from sale where shop_id = 9) update shop set name = 'x' where id = 9"
    assert (await explain_query(selling, sql, analyze=True)).text.startswith("Run on a throw-away copy of 2 tables")


async def test_what_reaches_past_a_copy_is_refused_everywhere(selling: Workspace) -> None:
    for call in (
        "pg_advisory_lock(1)",
        "pg_terminate_backend(1)",
        "pg_read_file('PG_VERSION')",
        "lo_import('/etc/hostname')",
        "pg_notify('a', 'b')",
    ):
        with pytest.raises(Refused):
            await explain_query(selling, f"select {call}", analyze=True)
        with pytest.raises(Refused):
            await explain_query(selling, f"update sale set note = ({call})::text", analyze=True)


@pytest.mark.every_postgres
async def test_a_copy_holds_the_same_rows(selling: Workspace) -> None:
    template = (await live_ground(selling)).template
    async with filled_copy(selling, template, ("public.sale",), neighbours=True) as copy:
        assert copy.rows == {"public.sale": 20_000, "public.shop": 300}
        sums = "select md5(string_agg(t::text, ',' order by id)) from {} t"
        live = await selling.live()
        for table in copy.rows:
            assert await copy.connection.fetchval(sums.format(table)) == await live.fetchval(sums.format(table))
        await copy.connection.execute(
            "insert into sale (shop_id, made) values (1, now()); update sale set paid = 2 where id = 5"
        )
        assert await copy.connection.fetchval("select count(*) from noted") == 1, "triggers are on again"
        assert not await copy.connection.fetchval("select rolsuper from pg_roles where rolname = current_user")


async def test_tables_too_large_for_a_copy_are_refused_with_a_way_out(selling: Workspace) -> None:
    template = (await live_ground(selling)).template
    with pytest.raises(Refused, match=r"public\.sale most of it") as caught:
        async with filled_copy(selling, template, ("public.sale", "public.shop"), most=100_000):
            pass
    assert "DBARCH_DATABASE_URL" in caught.value.hint


async def test_an_extension_that_copies_lack_is_left_out(
    selling: Workspace, database: Sandbox, sandboxes: Sandboxes
) -> None:
    connection = await connect(database.url)
    await connection.execute(
        "create extension vector; update pg_extension set extname = 'pg_of_elsewhere' where extname = 'vector'"
    )
    await connection.close(timeout=5)
    answer = await explain_query(selling, "delete from sale where id < 3", analyze=True)
    assert answer.text.startswith("Run on a throw-away copy of ")
