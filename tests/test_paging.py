"""Pages by key: walked to the end they hold every row once, in the order of the query, in SQL and as Python states it."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy.dialects import postgresql
from sqlmodel import Field, SQLModel, col, select

from mcp_server.model.examined import Asked
from mcp_server.model.names import literal
from mcp_server.model.paging import Paging
from mcp_server.operations.explain import explain_query
from mcp_server.planning.paging import obstacle, paging_of
from mcp_server.world.asked import read_asked
from mcp_server.world.catalog import read_schema
from mcp_server.world.database import connect
from mcp_server.world.paging_text import next_page, page_by_offset
from mcp_server.world.placeholders import substitute
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

TABLES = """
create table errand (id int primary key, made timestamptz not null, due date, size int not null, mark text, weight numeric,
  done boolean, "odd > name" int not null);
insert into errand select g, '2024-01-01'::timestamptz + (g % 9) * interval '1 microsecond',
  case when g % 4 > 0 then date '2024-01-01' + g % 5 end, g % 3, case when g % 3 > 0 then 'm' || g % 4 end,
  case when g % 5 > 0 then g % 6 / 4.0 end, case when g % 3 > 0 then g % 2 = 0 end, g % 4
from generate_series(1, 90) g;
create table person (id int primary key, name text not null);
insert into person select g, 'p' || g % 2 from generate_series(1, 5) g;
"""
ORDERS = (
    "id", "id desc", "made", "made desc", "made desc, id", "size, made desc", "size desc, made, id desc", "due", "due desc",
    "due nulls first", "due desc nulls last, size", "mark, due desc", "weight desc, mark desc", "done, size", "errand.due, errand.id desc",
    'size, "odd > name" desc, due', "mark desc nulls last, done nulls first, weight",
)  # fmt: skip
PAGE = 7


class Errand(SQLModel, table=True):
    id: int = Field(primary_key=True)
    made: datetime.datetime
    due: datetime.date | None
    size: int
    mark: str | None
    weight: float | None
    done: bool | None
    odd: int = Field(sa_column_kwargs={"name": "odd > name"})


@pytest.fixture
async def errands(connection: Connection) -> Connection:
    await connection.execute(f"set time zone 'UTC'; {TABLES}")
    return connection


async def paging(connection: Connection, sql: str) -> tuple[Asked, Paging]:
    schema = await read_schema(connection)
    asked = read_asked(sql)
    tables = dict.fromkeys(asked.aliases, "public.errand")
    assert obstacle(asked, tables, schema) == ""
    fields = ("id", "made", "due", "size", "mark", "weight", "done")
    names = {(alias, name): f"Errand.{name}" for alias in asked.aliases for name in fields}
    names |= {(alias, "odd > name"): "Errand.odd" for alias in asked.aliases}
    return asked, paging_of(asked, tables, schema, 0, names)


def cursor(found: Paging, row: asyncpg.Record) -> dict[int, str]:
    """The parameters of the last row, as SQL."""
    values = {}
    for number, key in enumerate(found.keys, found.first):
        value = row[key.column] is None if key.tests_null else row[key.column]
        values[number] = "null" if value is None else literal(str(value))
    return values


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_by_key_hold_every_row_once_in_its_order(errands: Connection, order: str) -> None:
    sql = f"select * from errand where size < 2 or done order by {order} limit {PAGE} offset 0"
    _, found = await paging(errands, sql)
    whole = await errands.fetch(page_by_offset(sql, found).replace(f"LIMIT {PAGE}", "").replace("OFFSET 0", ""))
    plainly = await errands.fetch(f"select * from errand where size < 2 or done order by {order}")
    names = [key.column for key in found.keys[: len(found.keys) - found.added]]
    assert [[row[name] for name in names] for row in whole] == [[row[name] for name in names] for row in plainly]
    walked = whole[:PAGE]
    while True:
        page = await errands.fetch(substitute(next_page(sql, found), cursor(found, walked[-1]))[0])
        walked += page
        if len(page) < PAGE:
            break
    assert [row["id"] for row in walked] == [row["id"] for row in whole]


@pytest.mark.filterwarnings("ignore:.*rendering literal NULL")  # only because the values are written into the text here
@pytest.mark.parametrize("order", ORDERS)
async def test_the_python_form_asks_for_the_same_page(errands: Connection, order: str) -> None:
    sql = f"select * from errand order by {order} limit {PAGE} offset 0"
    _, found = await paging(errands, sql)
    whole = await errands.fetch(page_by_offset(sql, found).replace(f"LIMIT {PAGE}", "").replace("OFFSET 0", ""))
    for place in (0, 20, 44):
        row = whole[place]
        fields = {("odd" if name == "odd > name" else name): value for name, value in row.items()}
        scope: dict[str, Any] = {
            "Errand": Errand,
            "col": col,
            "statement": select(Errand),
            "size": PAGE - 1,
            "last": SimpleNamespace(**fields),
        }
        exec(found.python, scope)
        text = scope["page"].compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
        page = await errands.fetch(str(text).replace("%%", "%"))
        assert [one["id"] for one in page] == [one["id"] for one in whole[place + 1 : place + 1 + PAGE]], found.python


async def test_what_cannot_be_paged_by_key_says_why(errands: Connection) -> None:
    schema = await read_schema(errands)
    for sql, reason in (
        ("select * from errand offset 5", "no ORDER BY"),
        ("select size, count(*) from errand group by size order by size offset 5", "groups rows"),
        ("select distinct size from errand order by size offset 5", "removes doubles"),
        ("select * from errand union all select * from errand order by 1 offset 5", "several queries"),
        ("select id, rank() over (order by size) from errand order by id offset 5", "window functions"),
        ("select * from errand order by size + 1 offset 5", "no column of its tables"),
        ("select e.* from errand e left join person p on p.id = e.size order by e.id offset 5", "outer joins"),
        ("with x as (select * from errand) select * from x order by id offset 5", "WITH parts"),
        ("select * from (select * from errand) x order by id offset 5", "more than tables"),
        ("select * from errand tablesample system (1) order by id offset 5", "a sample"),
    ):
        asked = read_asked(sql)
        assert reason in obstacle(asked, dict.fromkeys(asked.aliases, "public.errand"), schema), sql


@pytest.fixture
async def workspace(database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path) -> Workspace:
    connection = await connect(database.url)
    await connection.execute(
        "create table parcel (id int primary key, made timestamptz not null, state text not null);"
        "insert into parcel select g, timestamptz '2024-01-01' + g % 4000 * interval '1 minute', 's' || g % 2 from generate_series(1, 20000) g;"
        "analyze parcel"
    )
    await connection.close()
    return open_project(tmp_path, sandboxes, database_url=database.url, cache=cache)


async def test_the_advice_is_proven_on_data_with_the_index_that_it_names(workspace: Workspace) -> None:
    sql = "select id from parcel where state = $1 order by made desc limit 20 offset $2"
    answer = await explain_query(workspace, sql, ("s1", 9000), analyze=True)
    assert "Paging by key (proven: the same 20 rows in the same order, " in answer.text
    assert "a throw-away copy of 1 table with all 20,000 rows and that index" in answer.text
    assert "Index it needs: create index concurrently on public.parcel (state, made, id);" in answer.text
    assert "(parcel.made, parcel.id) < ($2::timestamp with time zone, $3::int)" in answer.text
    assert "no quicker" not in answer.text
    assert isinstance(answer.data, dict)
    assert answer.data["paging"]["index"]
    live = await workspace.live()
    assert await live.fetchval("select count(*) from pg_indexes where tablename = 'parcel'") == 1
    beyond = await explain_query(workspace, sql, ("s1", 90_000), analyze=True)
    assert "no row stands before this page" in beyond.text
    open_plan = await explain_query(workspace, sql)
    assert "Paging by key (not proven: analyze=True" in open_plan.text
    assert "Paging" not in (await explain_query(workspace, "select id from parcel order by id limit 5")).text
    grouped = await explain_query(
        workspace, "select state, count(*) from parcel group by 1 order by 1 offset 1", analyze=True
    )
    assert "Paging by key: not for this query as it is, since it groups rows" in grouped.text
