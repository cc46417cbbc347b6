"""Statements as pg_stat_statements keeps them, `$n` in odd places: each is explained, with the types that its constants had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from mcp_server.errors import StatementFailed
from mcp_server.world.database import connect
from mcp_server.world.explain import explain
from mcp_server.world.placeholders import with_numbers
from mcp_server.world.retyping import Refusal, repairs
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.sql import scan
from mcp_server.world.token_groups import behind_name, items, select_list

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

TABLES = """
create table day (id int primary key, day date not null, year int not null, name text not null);
create table item (id int primary key, brand text not null, price numeric(8, 2) not null, color text, since date);
create table client (id int primary key, first text, last text, birth smallint, zip char(5), tags text[], profile jsonb,
  joined timestamp, key uuid, balance money);
create table sale (ticket bigint, item_id int not null, day_id int not null, amount int not null, paid numeric(10, 2), at time,
  channel varchar(10), primary key (ticket, item_id));
create table stock (item_id int, shop_id int, held int, primary key (item_id, shop_id));
create table shop (id int primary key, hours int4range, facts jsonb, opened timestamptz);
"""
# The statement, and the types of its parameters as they are explained, in order.
STATEMENTS: tuple[tuple[str, str], ...] = (
    # texts in the place of a type's constant
    ("select * from day where day > date $1 and day < date $2 + interval $3", "date, date, interval"),
    ("select bool $1, numeric $2, int4 $3, jsonb $4, uuid $5, text $6, double precision $7", "boolean, numeric, integer, jsonb, uuid, text, double precision"),
    ("select timestamp with time zone $1, time without time zone $2, pg_catalog.inet $3", "timestamp with time zone, time without time zone, inet"),
    ("select interval $1 day, date_trunc($2, joined) from client", "interval, text"),
    # days and moments
    ("select * from day where day + $1 > $2", "integer, date"),
    ("select cast($1 as date) - interval $2, cast($3 as date) + $4", "date, interval, date, integer"),
    ("select * from sale where at + $1 > $2 and at between $3 and time $4", "interval, time without time zone, time without time zone, time without time zone"),
    ("select * from shop where hours @> $1 and hours && int4range($2, $3) and opened at time zone $4 > $5", "int4range, integer, integer, text, timestamp without time zone"),
    # calls
    ("select * from generate_series($1, $2) g", "integer, integer"),
    ("select * from generate_series($1, $2, $3) g where g % $4 = $5", "integer, integer, integer, integer, integer"),
    ("select * from generate_series(timestamp $1, timestamp $2, interval $3) g", "timestamp without time zone, timestamp without time zone, interval"),
    ("select sum($1), count($2), bool_or($3), json_agg($4) from sale", "numeric, text, boolean, text"),
    ("select sum(case when amount > $1 then $2 else $3 end), avg($4) from sale", "integer, numeric, numeric, numeric"),
    ("select percentile_disc(array[$1, $2]) within group (order by paid) from sale", "integer, integer"),
    ("select format($1, $2), concat($3, $4), jsonb_build_object($5, $6) from sale", "text, text, text, text, text, text"),
    ("select substring(last from $1 for $2), substring(zip, $3, $4), substr(last, $5) from client", "integer, integer, integer, integer, integer"),
    ("select overlay(channel placing $1 from $2 for $3), trim(both $4 from channel), split_part(channel, $5, $6) from sale", "text, integer, integer, text, text, integer"),
    # operators between constants
    ("select $1 - $2, $3 || $4, - $5 from sale", "numeric, numeric, text, text, numeric"),
    ("select * from item where price between $1 and $2 + $3", "numeric, numeric, numeric"),
    ("select avg(paid) * $1, round(paid / $2, $3) from sale group by paid", "numeric, numeric, integer"),
    # lists, rows, arrays
    ("select * from client where (last, first) > ($1, $2) and (birth, zip) in (($3, $4), ($5, $6))", "text, text, smallint, character, smallint, character"),
    ("select * from sale where item_id = any ($1) or item_id = any (array[$2, $3]) or item_id in ($4, $5)", "integer[], integer, integer, integer, integer"),
    ("select * from item where price > all (array[$1, $2]) or price < any ($3)", "numeric, numeric, numeric[]"),
    ("select tags[$1] from client where tags && $2 and tags @> array[$3, $4] and $5 = any (tags)", "integer, text[], text, text, text"),
    # derived tables
    ("select * from (values ($1, $2), ($3, $4)) v(a, b) join item on item.id = v.a", "integer, text, integer, text"),
    ("select * from (values ($1, $2)) v join item on item.id = v.column1", "integer, text"),
    ("with x as (select $1 as a, $2 as b) select * from x join item on item.id = a", "integer, text"),
    ("with recursive s(n) as (select $1 union all select n + $2 from s where n < $3) select * from s", "integer, integer, integer"),
    ("update item set price = v.p from (values ($1, $2), ($3, $4)) v(k, p) where id = v.k", "integer, numeric, integer, numeric"),
    ("insert into stock (item_id, shop_id, held) select * from (values ($1, $2, $3)) v", "integer, integer, integer"),
    ("insert into stock (item_id, shop_id, held) select i, $1, $2 from unnest($3) i", "integer, integer, integer[]"),
    ("insert into stock values ($1, $2, $3), ($4, $5, $6) on conflict (item_id, shop_id) do update set held = stock.held + $7 where stock.held < $8", "integer, integer, integer, integer, integer, integer, integer, integer"),
    # optional filters, limits, patterns, paths
    ("select * from sale where ($1 is null or item_id = $1) and ($2 is null or channel = $2)", "integer, text"),
    ("select * from client where $1 is null or joined > $1", "timestamp without time zone"),
    ("select * from sale order by ticket limit $1 offset $2", "bigint, bigint"),
    ("select ticket from sale tablesample system ($1) repeatable ($2)", "real, double precision"),
    ("select * from client where last like $1 escape $2 and first similar to $3", "text, text, text"),
    ("select profile ->> $1 from client where profile @> $2 and profile #>> $3 = $4 and profile @? $5", "text, jsonb, text[], text, jsonpath"),
    ("update client set profile = jsonb_set(profile, $1, $2), tags = array_append(tags, $3), balance = $4 where id = $5", "text[], jsonb, text, money, integer"),
    # the same constant in SELECT and in GROUP BY has two numbers there
    ("select date_trunc($1, day), count(*) from day group by date_trunc($2, day) order by date_trunc($3, day)", "text"),
    ("select substring(zip from $1 for $2), coalesce(birth, $3), count(*) from client where first > $4 group by substring(zip from $5 for $6), coalesce(birth, $7) having count(*) > $8 order by coalesce(birth, $9) desc", "integer, integer, smallint, text, bigint"),
    ("select distinct coalesce(birth, $1) from client order by coalesce(birth, $2)", "smallint"),
)  # fmt: skip


async def fill(sandbox: Sandbox) -> None:
    connection = await connect(sandbox.url)
    await connection.execute(TABLES)
    await connection.close(timeout=5)


@pytest.fixture
async def trade(sandboxes: Sandboxes) -> AsyncIterator[Connection]:
    async with sandboxes.lend(await sandboxes.template(f"untyped {TABLES}", fill)) as sandbox:
        connection = await connect(sandbox.url)
        yield connection
        await connection.close(timeout=5)


@pytest.mark.anyio
async def test_each_statement_is_explained_with_the_types_that_its_constants_had(trade: Connection) -> None:
    for sql, types in STATEMENTS:
        explained = await explain(trade, sql)
        assert ", ".join(one.type.replace("bpchar", "character") for one in explained.parameters) == types, sql


@pytest.mark.anyio
async def test_on_postgres_merge_finds_the_types_of_its_rows(trade: Connection) -> None:
    merge = (
        "merge into stock t using (values ($1, $2, $3)) n(i, s, h) on t.item_id = n.i and t.shop_id = n.s"
        " when matched then update set held = n.h when not matched then insert values (n.i, n.s, n.h)"
    )
    explained = await explain(trade, merge)
    assert [one.type for one in explained.parameters] == ["integer"] * 3


@pytest.mark.anyio
async def test_a_guess_is_told_and_values_are_taken_with_it(trade: Connection) -> None:
    explained = await explain(trade, "select * from day where day + $1 > $2", (7, "2001-01-01"), analyze=True)
    assert (
        "The type of $1 cannot be told from the text and was guessed; ::type behind one settles it." in explained.notes
    )
    for sql, values in (
        ("select * from day where day - $1 > '2001-01-01'", (7,)),
        ("select * from day where day - $1 > $2", (7, "2001-01-01")),
    ):
        days = await explain(trade, sql, values, analyze=True)
        assert [one.type for one in days.parameters] == ["integer", "date"][: len(values)]
        assert days.plan.analyzed


@pytest.mark.anyio
async def test_values_for_all_constants_are_taken_although_some_are_one(trade: Connection) -> None:
    sql = "select date_trunc($1, day), count(*) from day where year > $2 group by date_trunc($3, day)"
    for values in (("month", 2000, "month"), ("month", 2000)):
        explained = await explain(trade, sql, values, analyze=True)
        assert [one.type for one in explained.parameters] == ["text", "integer"]


@pytest.mark.anyio
async def test_a_statement_that_a_constraint_stops_says_so_and_what_to_do(trade: Connection) -> None:
    with pytest.raises(StatementFailed, match="null value") as failed:
        await explain(trade, "insert into stock (item_id) values (1)", analyze=True, on_copy=True)
    assert "Leave analyze and indexes out" in failed.value.hint


@pytest.mark.anyio
async def test_what_is_wrong_for_another_reason_is_told_as_the_server_tells_it(trade: Connection) -> None:
    for sql, said in (
        ("select * from nothing where a = $1", 'relation "nothing" does not exist'),
        ("select quantity from sale where ticket = $1", 'column "quantity" does not exist'),
        ("select nosuch(ticket) from sale where ticket = $1", "nosuch"),
        ("select channel from sale where paid > $1 group by day_id", "must appear in the GROUP BY"),
        ("select joined <-> $1 from client", "operator does not exist"),
    ):
        with pytest.raises(StatementFailed, match=said):
            await explain(trade, sql)


def test_what_names_a_parameter_is_found_by_its_place() -> None:
    tokens = scan(
        "with t(a, b) as (select 1, $2), u as (select $3 as c) select * from t, u, (values ($4, 5), ($6, 7)) v(x, y)"
    )
    assert {name: [one.text for one in behind_name(tokens, name)] for name in "abcxy"} == {
        "a": [], "b": ["$2"], "c": ["$3"], "x": ["$4", "$6"], "y": [],
    }  # fmt: skip
    assert [len(one) for one in items(tokens, 0, 3)] == [3]
    assert [item[0].text for item in select_list(scan("select distinct a, f(b, c), (select d from e) from t"), 0)] == [
        "a",
        "f",
        "(",
    ]


@pytest.mark.parametrize(
    ("sql", "state", "said", "pointed", "first"),
    [
        ("select a from t where b between $1 - $2 and 5", "42725", "operator is not unique: unknown - unknown", "-", "$1::numeric - $2::numeric"),
        ("select day + $1 from t", "42725", "operator is not unique: date + unknown", "+", "day + $1::integer"),
        ("select sum(case when a = $1 then $2 else $3 end) from t", "42725", "function sum(unknown) is not unique", "sum", "then $2::numeric else $3::numeric"),
        ("select a + b from t", "42883", "operator does not exist: text + integer", "+", ""),
        ("select a from t where b = $1::text", "42883", "operator does not exist: integer = text", "=", ""),
    ],
)  # fmt: skip
def test_the_likeliest_text_comes_first(sql: str, state: str, said: str, pointed: str, first: str) -> None:
    tried = list(repairs(sql, Refusal(state, said, sql.index(pointed))))
    assert bool(tried) == bool(first)
    assert first in (tried[0] if tried else "")


@pytest.mark.parametrize(
    "sql", ["select a limit $1", "select $1 offset $2", "select a at time zone $1", "select a like b escape $1"]
)
def test_a_parameter_behind_another_word_is_no_constant_of_a_type(sql: str) -> None:
    assert with_numbers(sql).text == sql
