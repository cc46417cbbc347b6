"""explain_query on real servers: plans, values, errors with their place, limits."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from mcp_server.errors import ConfigError, PermissionDenied, Refused, StatementFailed, TimedOut
from mcp_server.operations.explain import explain_query
from mcp_server.world.database import connect
from mcp_server.world.explain import explain
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Settings, Workspace
from tests import trade_queries as trade

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

KINDS = """
create type mood as enum ('sad', 'it''s "ok"');
create type pair as (a int, b text);
create domain positive as int check (value > 0);
create table kind (small int2, normal int4, big int8, real4 float4, real8 float8, exact numeric, yes bool, words text,
  short varchar(10), fixed char(3), one "char", label name, id uuid, day date, hour time, moment timestamp, instant timestamptz,
  span interval, bytes bytea, doc json, docb jsonb, feeling mood, duo pair, plus positive, nums int[], texts text[],
  grid int[], ids uuid[], docs jsonb[], during tstzrange, net inet, mask bit(3), vary varbit, mail point, search tsvector);
insert into kind values (1, 2, 3, 1.5, 2.5, 12.50, true, 'it''s \\ "x"', 'short', 'abc', 'c', 'label', '6f1c2b34-0000-4000-8000-000000000001',
  '2026-01-31', '10:20:30', '2026-01-31 10:20:30', '2026-01-31 10:20:30+00', '2 days', '\\x00ff', '{"a": 1}', '{"a": [1, null, "é"]}',
  'it''s "ok"', row(1, 'b'), 5, '{1,NULL,3}', '{"a,b","c\\"d","e\\\\f",NULL,"NULL",""}', '{{1,2},{3,4}}', '{6f1c2b34-0000-4000-8000-000000000001}',
  array['{"a": 1}'::jsonb], '[2026-01-01,2026-02-01)', '10.0.0.1', b'101', b'11', '(1,2)', 'a b');
"""
# column -> values that are the row's own, as JSON or as a library's caller would give them
VALUES: dict[str, tuple[Any, ...]] = {
    "small": (1, "1"), "normal": (2, 2.0 == 2 and 2), "big": (3,), "real4": (1.5,), "real8": (2.5, "2.5"),
    "exact": (12.5, "12.50", decimal.Decimal("12.5")), "yes": (True, "t", "true"), "words": ('it\'s \\ "x"',), "short": ("short",),
    "fixed": ("abc",), "one": ("c",), "label": ("label",), "id": ("6f1c2b34-0000-4000-8000-000000000001", uuid.UUID("6f1c2b34000040008000000000000001")),
    "day": ("2026-01-31", datetime.date(2026, 1, 31)), "hour": ("10:20:30", datetime.time(10, 20, 30)),
    "moment": ("2026-01-31T10:20:30", datetime.datetime(2026, 1, 31, 10, 20, 30)),
    "instant": ("2026-01-31T10:20:30Z", "2026-01-31T11:20:30+01:00", datetime.datetime(2026, 1, 31, 10, 20, 30, tzinfo=datetime.UTC)),
    "span": ("2 days", datetime.timedelta(days=2)), "bytes": ("\\x00ff", b"\x00\xff"), "docb": ({"a": [1, None, "é"]}, '{"a": [1, null, "é"]}'),
    "feeling": ('it\'s "ok"',), "plus": (5,), "nums": ([1, None, 3], "{1,NULL,3}"),
    "texts": (["a,b", 'c"d', "e\\f", None, "NULL", ""],), "grid": ([[1, 2], [3, 4]],), "ids": (["6f1c2b34-0000-4000-8000-000000000001"],),
    "docs": ([{"a": 1}],), "during": ("[2026-01-01,2026-02-01)",), "net": ("10.0.0.1",), "mask": ("101",), "vary": ("11",), "search": ("a b",),
}  # fmt: skip


async def fill_trade(sandbox: Sandbox) -> None:
    connection = await connect(sandbox.url)
    await connection.execute(trade.SCHEMA + trade.ROWS)
    await connection.close(timeout=5)


@pytest.fixture
async def trading(sandboxes: Sandboxes) -> AsyncIterator[Connection]:
    """A connection to a copy of the trade of trade_queries.py."""
    async with sandboxes.lend(await sandboxes.template(trade.SCHEMA + trade.ROWS, fill_trade)) as sandbox:
        connection = await connect(sandbox.url)
        yield connection
        await connection.close(timeout=5)


@pytest.fixture
async def workspace(database: Sandbox, tmp_path: Path) -> AsyncIterator[Workspace]:
    """A workspace whose live database is `database`."""
    opened = Workspace(Settings(root=tmp_path, database_url=database.url, cache=tmp_path / "cache"))
    yield opened
    await opened.close()


@pytest.mark.every_postgres
async def test_all_reports_are_explained_open_with_values_and_measured(trading: Connection) -> None:
    for sql, values in trade.QUERIES:
        generic = await explain(trading, sql)
        assert generic.plan.generic, sql
        assert not any(
            "One-Time" in condition.kind for node in generic.plan.nodes() for condition in node.conditions
        ), sql
        custom = await explain(trading, sql, values)
        assert not custom.plan.generic
        assert not custom.unknown_to_statistics
        measured = await explain(trading, sql, values, analyze=True)
        own = sum(node.exclusive_ms or 0 for node in measured.plan.nodes())
        assert own == pytest.approx(measured.plan.root.inclusive_ms, rel=0.02, abs=0.05), sql


@pytest.mark.every_postgres
async def test_values_of_every_common_type_find_their_row(connection: Connection) -> None:
    await connection.execute(KINDS)
    for column, values in VALUES.items():
        for value in values:
            explained = await explain(connection, f"select * from kind where {column} = $1", (value,), analyze=True)
            assert explained.plan.root.rows == 1, (column, value)
        nothing = await explain(connection, f"select * from kind where {column} = $1", (None,), analyze=True)
        assert nothing.plan.root.rows == 0, column
    for sql, value in (
        ("select * from kind where doc::jsonb = $1", {"a": 1}),
        ("select * from kind where normal = any($1)", [1, 2]),
        ("select * from kind where mail ~= $1", "(1,2)"),
        ("select * from kind where duo = $1::pair", "(1,b)"),
        ("select * from kind limit $1", 1),
        ("select * from kind where words like $1 || '%'", "it's"),
        ("select * from kind where instant > now() - $1::interval or true", "1 day"),
    ):
        assert (await explain(connection, sql, (value,), analyze=True)).plan.root.rows == 1, sql


async def test_values_of_vectors_are_plain_lists(connection: Connection) -> None:
    await connection.execute(
        "create extension vector; create table place (at vector(3)); insert into place values ('[1,2,3]')"
    )
    explained = await explain(connection, "select * from place where at <-> $1 < $2", ([1, 2, 4], 1.5), analyze=True)
    assert explained.plan.root.rows == 1


async def test_a_value_that_its_type_refuses_is_named(connection: Connection) -> None:
    await connection.execute(KINDS)
    with pytest.raises(StatementFailed) as caught:
        await explain(connection, "select * from kind where small = $1 and id = $2", (1, "no uuid"))
    assert caught.value.message.startswith(
        'The value of $2 is not taken as uuid: invalid input syntax for type uuid: "no uuid"'
    )
    with pytest.raises(Refused, match="2 values are given for 1 parameters"):
        await explain(connection, "select * from kind where small = $1", (1, 2))
    with pytest.raises(Refused, match=r"ANALYZE needs a value for \$1 \(smallint\)"):
        await explain(connection, "select * from kind where small = $1", analyze=True)


async def test_one_parameter_used_twice_has_one_value(connection: Connection) -> None:
    await connection.execute(KINDS)
    explained = await explain(
        connection, "select * from kind where normal = :n and normal <= :n and small < :n", (2,), analyze=True
    )
    assert explained.plan.root.rows == 1
    assert explained.sql == "select * from kind where normal = $1 and normal <= $1 and small < $1"
    assert "Placeholders were numbered in order: n = $1." in explained.notes


@pytest.mark.every_postgres
async def test_a_generic_plan_is_not_the_plan_for_null(trading: Connection) -> None:
    explained = await explain(trading, "select * from purchase where made = $1 and state <> $2")
    (scan,) = [node for node in explained.plan.nodes() if node.index or node.type == "Seq Scan"]
    assert (scan.index, scan.condition("Index Cond")) == ("purchase_made", "(purchase.made = $1)")
    assert explained.plan.settings == ()
    assert any("$1 (date), $2 (character)" in note.replace("bpchar", "character") for note in explained.notes)


@pytest.mark.every_postgres
async def test_statements_of_every_kind_with_a_plan_are_explained(connection: Connection) -> None:
    await connection.execute("create table task (id int primary key, name text); insert into task values (1, 'a')")
    statements = [
        "insert into task values ($1, $2) on conflict do nothing",
        "update task set name = $1 where id = $2",
        "delete from task where id = $1 returning *",
        "values ($1::int), (2)",
        "table task",
        "with gone as (delete from task where id = $1 returning *) select * from gone",
        "create table copied as select * from task where id = $1",
        "create materialized view seen as select * from task",
        "declare c cursor for select * from task where id = $1",
        "explain (analyze) select * from task where id = $1",
        "merge into task t using (select 1 as id) s on s.id = t.id when matched then update set name = $1",
        "select * into copied from task",
    ]
    for sql in statements:
        explained = await explain(connection, sql)
        assert explained.plan.root.total_cost > 0, sql
        if explained.parameters:
            values = ["1"] * len(explained.parameters)
            assert not (await explain(connection, sql, values)).plan.generic, sql
    assert await connection.fetchval("select count(*) from task") == 1
    assert await connection.fetchval("select to_regclass('copied')") is None


async def test_an_unknown_table_is_answered_with_its_place_and_names_like_it(connection: Connection) -> None:
    await connection.execute(
        'create table task_list (id int, title text); create schema shop; create table shop.orders (id int); create table "Customer" (id int)'
    )
    for sql, place, hint in (
        ("select *\nfrom  tasks_list where id = $1", "line 2, column 7", "task_list"),
        ("select * from public.orders", "line 1, column 15", "shop.orders"),
        ("select * from customer", "line 1, column 15", '"Customer"'),
        ("create table x as\n select * from task_lists", "line 1, column 15", "task_list"),
    ):
        with pytest.raises(StatementFailed) as caught:
            await explain(connection, sql)
        assert place in caught.value.message, sql
        assert "^" in caught.value.message
        assert f"Did you mean {hint}" in caught.value.hint
        assert caught.value.sqlstate == "42P01"
    with pytest.raises(StatementFailed) as caught:
        await explain(connection, "select tittle from task_list")
    assert "title" in caught.value.hint


async def test_errors_while_running_are_the_statements_own(connection: Connection) -> None:
    with pytest.raises(StatementFailed, match="division by zero"):
        await explain(connection, "select 1 / (random() * 0)::int", analyze=True)
    await connection.execute("create role nobody_here; create table secret (id int); set role nobody_here")
    with pytest.raises(PermissionDenied):
        await explain(connection, "select * from secret")
    await connection.execute("reset role; drop role nobody_here")


@pytest.mark.every_postgres
async def test_a_run_that_takes_too_long_still_leaves_the_estimated_plan(connection: Connection) -> None:
    explained = await explain(
        connection, "select count(*) from generate_series(1, 20000000) a, pg_sleep(9)", analyze=True, timeout_ms=150
    )
    assert not explained.plan.analyzed
    assert explained.warnings == ("ANALYZE was cancelled on the server after 0.15 s: estimates only.",)
    assert await connection.fetchval("show statement_timeout") == "0"


async def test_a_table_that_is_locked_is_waited_for_only_shortly(connection: Connection, database: Sandbox) -> None:
    await connection.execute("create table task (id int)")
    other = await connect(database.url)
    await other.execute("begin; lock table task in access exclusive mode")
    with pytest.raises(TimedOut):
        await explain(connection, "select * from task", lock_timeout_ms=50)
    await other.close(timeout=5)
    assert (await explain(connection, "select * from task")).plan.root.relation == "task"


async def test_cancelling_the_caller_ends_the_statement_on_the_server(
    connection: Connection, database: Sandbox
) -> None:
    watcher = await connect(database.url)
    running = asyncio.ensure_future(explain(connection, "select pg_sleep(60)", analyze=True))
    pid = connection.get_server_pid()
    active = (
        "select exists (select from pg_stat_activity where pid = $1 and state = 'active' and query like '%pg_sleep%')"
    )
    while not await watcher.fetchval(active, pid):
        pass
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not await watcher.fetchval(active, pid)
    assert await connection.fetchval("select 1") == 1
    await watcher.close(timeout=5)


async def test_tables_without_statistics_are_named(connection: Connection) -> None:
    await connection.execute(
        "create table fresh (id int); create table known (id int); insert into known values (1); analyze known"
    )
    explained = await explain(connection, "select * from fresh join known using (id)")
    assert explained.unknown_to_statistics == ("fresh",)


@pytest.mark.every_postgres
async def test_foreign_tables_are_planned_and_not_run(sandboxes: Sandboxes, connection: Connection) -> None:
    if not await connection.fetchval("select exists (select from pg_available_extensions where name = 'file_fdw')"):
        with pytest.raises(StatementFailed):
            await explain(connection, "select * from elsewhere", analyze=True)
        return
    await connection.execute(
        "create extension file_fdw; create server files foreign data wrapper file_fdw;"
        "create foreign table elsewhere (line text) server files options (program 'echo 1')"
    )
    assert (await explain(connection, "select * from elsewhere")).plan.root.type == "Foreign Scan"
    with pytest.raises(Refused, match="on another server"):
        await explain(connection, "select * from elsewhere", analyze=True)


async def test_the_operation_answers_with_verdict_tree_and_the_whole_plan_as_report(workspace: Workspace) -> None:
    connection = await workspace.live()
    await connection.execute(
        "create table task (id int primary key, done bool not null, title text); create index task_done on task (done);"
        "insert into task select g, g % 2 = 0, 'task ' || g from generate_series(1, 5000) g; analyze task"
    )
    answer = await explain_query(workspace, "select * from task where done and title like $1", ("%9%",), analyze=True)
    lines = answer.text.splitlines()
    assert lines[0].startswith("Ran ")
    assert lines[1].startswith("Takes most: ")
    assert answer.verdict.startswith("Ran ")
    ((run, report),) = answer.reports.items()
    assert f"dbarch://runs/{run}" in lines[-1]
    assert json.loads(report)[0]["Plan"]["Relation Name"] == "task"
    assert isinstance(answer.data, dict)
    assert answer.data["report"] == f"dbarch://runs/{run}"
    assert json.loads(json.dumps(answer.data)) == answer.data
    estimated = await explain_query(workspace, "select * from task where id = 5")
    assert estimated.text.startswith("Estimated plan, not run: cost")
    assert "task_pkey" in estimated.text


async def test_a_run_that_was_cancelled_says_so_first(workspace: Workspace) -> None:
    answer = await explain_query(workspace, "select pg_sleep(9)", analyze=True, timeout=0.05)
    assert answer.text.startswith("ANALYZE was cancelled on the server after 0.05 s: estimates only.\nEstimated plan")
    assert answer.carried_out == {"plans": 1}


async def test_without_a_database_the_next_step_is_named(tmp_path: Path) -> None:
    workspace = Workspace(Settings(root=tmp_path, cache=tmp_path / "cache"))
    with pytest.raises(ConfigError) as caught:
        await explain_query(workspace, "select 1")
    assert "DATABASE_URL" in caught.value.hint


@pytest.mark.parametrize("seconds", [0, -1, 601])
async def test_a_timeout_out_of_bounds_is_refused(workspace: Workspace, seconds: float) -> None:
    with pytest.raises(Refused, match="timeout"):
        await explain_query(workspace, "select 1", timeout=seconds)


async def test_a_plan_too_deep_to_read_is_refused_and_a_deep_statement_is_not(connection: Connection) -> None:
    chain = " || ".join(["'x'"] * 2000)
    assert (await explain(connection, f"select {chain}")).plan.root.type == "Result"
