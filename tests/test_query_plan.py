"""QueryPlan, read from what real servers print: who pays, what was expected, what is said of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from mcp_server.model.query import PlanNode, QueryPlan
from mcp_server.model.query_json import read_plan
from mcp_server.render.plan_text import render_plan
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

pytestmark = pytest.mark.anyio

TABLES = """
create table task (id int primary key, owner int not null, state text not null, note text);
insert into task select g, g % 100, case when g % 10 = 0 then 'open' else 'done' end, repeat('x', 40)
  from generate_series(1, 20000) g;
create index task_owner on task (owner);
create table person (id int primary key, name text not null);
insert into person select g, 'person ' || g from generate_series(0, 99) g;
create table event (at date not null, kind int not null) partition by range (at);
create table event_old partition of event for values from ('2024-01-01') to ('2025-01-01');
create table event_new partition of event for values from ('2025-01-01') to ('2026-01-01');
insert into event select date '2024-06-01' + g % 500, g from generate_series(1, 2000) g;
analyze;
"""
PARALLEL = (
    "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;"
    "set min_parallel_table_scan_size = 0; set min_parallel_index_scan_size = 0;"
)


async def fill(sandbox: Sandbox) -> None:
    connection = await connect(sandbox.url)
    await connection.execute(TABLES)
    await connection.close(timeout=5)


@pytest.fixture
async def filled(sandboxes: Sandboxes) -> AsyncIterator[Connection]:
    """A connection to a copy of TABLES."""
    async with sandboxes.lend(await sandboxes.template(TABLES, fill)) as sandbox:
        connection = await connect(sandbox.url)
        yield connection
        await connection.close(timeout=5)


async def measured(connection: Connection, sql: str, settings: str = "") -> QueryPlan:
    """The plan of a run by plain EXPLAIN ANALYZE, rolled back."""
    await connection.execute(f"begin; {settings.replace('set ', 'set local ')}")
    try:
        return read_plan(await connection.fetchval(f"explain (analyze, buffers, verbose, settings, format json) {sql}"))
    finally:
        await connection.execute("rollback")


def only(plan: QueryPlan, kind: str) -> PlanNode:
    """The one node of a type."""
    (node,) = [node for node in plan.nodes() if node.type == kind]
    return node


def assert_all_is_charged(plan: QueryPlan) -> None:
    """The own parts of all nodes add up to the root's time, cost and blocks."""
    nodes = tuple(plan.nodes())
    assert sum(node.exclusive_ms or 0 for node in nodes) == pytest.approx(plan.root.inclusive_ms, rel=0.02, abs=0.05)
    assert sum(node.exclusive_cost for node in nodes) == pytest.approx(plan.root.total_cost, rel=0.001)
    if plan.root.buffers is not None:
        assert sum(node.own_hit for node in nodes) == pytest.approx(plan.root.buffers.shared_hit, abs=2)


@pytest.mark.every_postgres
@pytest.mark.parametrize(
    "sql",
    [
        "select * from task t join person p on p.id = t.owner where t.state = 'open' order by t.note limit 10",
        "with open as materialized (select * from task where state = 'open') select count(*) from open a join open b using (id)",
        "select * from task where owner = (select max(id) from person) and id > (select min(id) from person)",
        "select p.name, (select count(*) from task t where t.owner = p.id) from person p",
        "select * from person p where p.id not in (select owner from task where state = 'x')",
        "with recursive up as (select 1 as n union all select n + 1 from up where n < 500) select sum(n) from up",
        "select * from event where at > '2025-02-01' and kind % 7 = 0",
        "select owner, count(*), rank() over (order by count(*)) from task group by rollup (owner, state)",
        "select * from task where owner = 5 or id < 10",
        "select owner from task intersect select id from person",
        "select * from person p, lateral (select * from task t where t.owner = p.id order by id limit 2) x",
    ],
)
async def test_own_times_costs_and_blocks_add_up(filled: Connection, sql: str) -> None:
    assert_all_is_charged(await measured(filled, sql))


@pytest.mark.every_postgres
async def test_parallel_loops_are_shared_by_their_processes(filled: Connection) -> None:
    plan = await measured(filled, "select state, count(*) from task group by state", PARALLEL)
    gather = next(node for node in plan.nodes() if node.type in ("Gather", "Gather Merge"))
    scan = only(plan, "Seq Scan")
    assert gather.workers_launched > 0
    assert scan.processes == gather.workers_launched + 1
    assert scan.rows == pytest.approx(20000, abs=3)
    assert scan.inclusive_ms < plan.total_ms
    assert "Parallel Seq Scan on task" in render_plan(plan)
    assert_all_is_charged(plan)


@pytest.mark.every_postgres
async def test_a_cte_is_paid_once_by_itself(filled: Connection) -> None:
    plan = await measured(
        filled, "with slow as materialized (select 1 as a, pg_sleep(.03)) select * from slow x join slow y using (a)"
    )
    (slow,) = [node for node in plan.nodes() if node.subplan == "CTE slow"]
    scans = [node for node in plan.nodes() if node.type == "CTE Scan"]
    assert slow.inclusive_ms >= 30
    assert sum(node.inclusive_ms - (node.exclusive_ms or 0) for node in scans) == pytest.approx(slow.inclusive_ms)
    assert_all_is_charged(plan)


@pytest.mark.every_postgres
async def test_an_init_plan_is_charged_where_it_is_asked_for(filled: Connection) -> None:
    plan = await measured(
        filled,
        "select count(*) from (select id from task where owner = (select 5 from pg_sleep(.03)) order by note limit 9) x",
    )
    (asker,) = [node for node in plan.nodes() if node.relation == "task" and node.type != "Bitmap Index Scan"]
    (asked,) = [node for node in plan.nodes() if node.parent == "InitPlan"]
    assert asked.inclusive_ms >= 30
    assert plan.root.number < asker.number
    assert all(
        (node.exclusive_ms or 0) <= node.inclusive_ms - 29 for node in plan.nodes() if node in (plan.root, asker)
    )
    assert_all_is_charged(plan)


@pytest.mark.every_postgres
async def test_a_subplan_is_charged_for_all_its_loops(filled: Connection) -> None:
    plan = await measured(filled, "select (select pg_sleep(.01) where p.id >= 0) from person p where p.id < 3")
    assert plan.costliest.parent == "SubPlan"
    assert plan.costliest.exclusive_ms == pytest.approx(plan.root.inclusive_ms, rel=0.3)
    assert plan.costliest.actual is not None
    assert plan.costliest.actual.loops == 3


@pytest.mark.every_postgres
async def test_the_cost_of_a_correlated_subplan_is_not_its_holders(filled: Connection) -> None:
    sql = "select * from person p where (select count(*) from task t where t.note = p.name) > 1"
    plan = read_plan(await filled.fetchval(f"explain (format json, verbose) {sql}"))
    assert (plan.costliest.type, plan.costliest.relation) == ("Seq Scan", "task")
    assert plan.share(plan.costliest) > 0.9


@pytest.mark.every_postgres
async def test_partitions_that_are_not_run_are_told_apart(filled: Connection) -> None:
    plan = await measured(
        filled,
        "select * from event e join (select '2025-02-01'::date as day from person limit 1) d on e.at = d.day",
        "set enable_hashjoin = off; set enable_mergejoin = off; set enable_memoize = off; set enable_material = off;",
    )
    assert {node.relation for node in plan.nodes() if node.relation.startswith("event")} == {"event_old", "event_new"}
    plan = await measured(filled, "select * from person p left join task t on t.id = p.id and false where p.id = -1")
    assert_all_is_charged(plan)
    plan = await measured(
        filled,
        "select * from task a where id < 0 and exists (select from task b where b.note = a.note)",
        "set enable_hashjoin = off; set enable_mergejoin = off;",
    )
    idle = [node for node in plan.nodes() if not node.executed]
    assert idle
    assert all(node.exclusive_ms == 0 for node in idle)
    assert "(never executed)" in render_plan(plan)


@pytest.mark.every_postgres
async def test_spills_batches_and_removed_rows_are_read(filled: Connection) -> None:
    plan = await measured(filled, "select * from task order by note, id", "set work_mem = '64kB';")
    sort = only(plan, "Sort")
    assert sort.spilled_kb > 100
    assert "external merge" in render_plan(plan)
    assert "work_mem = 64kB" in render_plan(plan)
    plan = await measured(
        filled, "select * from task a join task b on a.id = b.id + 1", "set work_mem = '64kB'; set enable_mergejoin = off;"
    )  # fmt: skip
    assert "batches" in render_plan(plan)
    plan = await measured(filled, "select * from task where state = 'open'")
    assert only(plan, "Seq Scan").removed_rows == pytest.approx(18000)
    assert plan.rows_read == pytest.approx(20000)


@pytest.mark.every_postgres
async def test_a_wrong_estimate_is_found_at_its_lowest_node(filled: Connection) -> None:
    await filled.execute(
        "create table pair as select g % 100 as a, g % 100 as b from generate_series(1, 20000) g; analyze pair"
    )
    plan = await measured(filled, "select count(*) from pair join person on person.id = pair.a where a = 5 and b = 5")
    worst = plan.worst_misestimate
    assert worst is not None
    assert (worst.relation, round(worst.rows)) == ("pair", 200)
    assert worst.misestimate >= 10
    assert "Worst estimate: Seq Scan on pair" in render_plan(plan)


@pytest.mark.every_postgres
async def test_rows_that_nobody_asked_for_are_no_wrong_estimate(filled: Connection) -> None:
    plan = await measured(filled, "select * from task where note like 'x%' limit 5")
    assert only(plan, "Seq Scan").may_stop_early
    assert plan.worst_misestimate is None
    plan = await measured(filled, "select * from person p where exists (select from task t where t.note <> p.name)")
    assert plan.worst_misestimate is None


@pytest.mark.every_postgres
async def test_triggers_and_writes_of_a_run_are_read(filled: Connection) -> None:
    await filled.execute(
        "create function stamp() returns trigger language plpgsql as $$ begin perform pg_sleep(.01); return new; end $$;"
        "create trigger stamped before insert on person for each row execute function stamp();"
        "alter table task add foreign key (owner) references person;"
    )
    plan = await measured(filled, "insert into person values (200, 'a'), (201, 'b')")
    (trigger,) = plan.triggers
    assert (trigger.name, trigger.calls) == ("stamped", 2)
    assert trigger.ms > 15
    assert "Trigger for stamped" in render_plan(plan)
    assert "Insert on person" in render_plan(plan)
    plan = await measured(filled, "insert into task values (30000, 1, 'open', '')")
    assert plan.triggers[0].constraint == "task_owner_fkey"


@pytest.mark.every_postgres
async def test_jit_is_read_where_the_server_has_it(filled: Connection) -> None:
    settings = "set jit = on; set jit_above_cost = 0;"
    plan = await measured(filled, "select sum(id * 2 + owner) from task", settings)
    has_jit = await filled.fetchval("select pg_jit_available()")
    assert (plan.jit is not None) == has_jit
    if plan.jit is not None:
        assert plan.jit.functions > 0
        assert plan.jit.total_ms > 0
        assert "JIT compiled" in render_plan(plan)


@pytest.mark.every_postgres
async def test_the_text_keeps_what_decides(filled: Connection) -> None:
    """Index names, conditions, the kind of join, sort keys and removed rows."""
    plan = await measured(
        filled,
        "select t.id from person p left join task t on t.owner = p.id and t.state = 'open' where p.id between 3 and 4 order by t.note desc",
    )
    text = render_plan(plan)
    for fact in ("task_owner", "Left Join", "Sort Key: t.note DESC", "t.state = 'open'", "removed by filter", "hit "):
        assert fact in text, text
    assert len(text) < 1500
