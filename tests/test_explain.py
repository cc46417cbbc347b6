"""explain_query on real servers: plans, values, errors with their place, limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from mcp_server.errors import ConfigError, PermissionDenied, Refused, StatementFailed, TimedOut
from mcp_server.operations.explain import explain_query
from mcp_server.render.plan_page import kept_plan_page
from mcp_server.world.database import connect
from mcp_server.world.explain import explain
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Settings, Workspace
from tests import trade_queries as trade

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio


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
        measured = await explain(trading, sql, values, analyze=True)
        own = sum(node.exclusive_ms or 0 for node in measured.plan.nodes())
        assert own == pytest.approx(measured.plan.root.inclusive_ms, rel=0.02, abs=0.05), sql


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


async def test_tables_without_statistics_are_named(workspace: Workspace) -> None:
    connection = await workspace.live()
    await connection.execute(
        "create table fresh (id int); create table known (id int); insert into known values (1); analyze known"
    )
    answer = await explain_query(workspace, "select * from fresh join known using (id)")
    assert "No statistics were ever gathered for fresh: estimates are guesses until ANALYZE has run." in answer.text


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
    ((picture, page),) = answer.pages.items()
    assert f"dbarch://runs/{run}" in lines[-1]
    assert json.loads(report)[0]["Plan"]["Relation Name"] == "task"
    assert kept_plan_page({**page, "document": json.loads(report)}).startswith("<!doctype html>")
    assert f"dbarch://runs/{picture}" in lines[-1]
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
