"""Whether an index that was built for a trial is used: by the plan, by what the statement sets off, or by nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mcp_server.model.query import Actual, PlanNode, QueryPlan
from mcp_server.model.trial import BuiltIndex, Measured, Trial
from mcp_server.operations.explain import explain_query
from mcp_server.render.trial_text import trial_verdict
from mcp_server.world.database import connect
from mcp_server.world.index_scans import asked
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.opened import open_project

TABLES = """
create table author (id int primary key, name text not null);
create table book (id int primary key, author_id int not null references author on delete cascade, made int not null);
insert into author select g, 'author ' || g from generate_series(1, 400) g;
insert into book select g, 1 + g % 400, g from generate_series(1, 30000) g;
create function books_of(who int) returns bigint language plpgsql stable as
$$ begin return (select count(*) from book where author_id = who); end $$;
create table reading (day int not null, who int not null) partition by range (day);
create table reading_1 partition of reading for values from (0) to (100);
create table reading_2 partition of reading for values from (100) to (200);
insert into reading select g % 200, g from generate_series(1, 20000) g;
analyze
"""


@pytest.fixture
async def library(database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path) -> AsyncIterator[Workspace]:
    connection = await connect(database.url)
    await connection.execute(TABLES)
    workspace = open_project(tmp_path, sandboxes, database_url=database.url, cache=cache)
    yield workspace
    await (await workspace.live()).close(timeout=5)
    await connection.close(timeout=5)


async def tried(library: Workspace, sql: str, *indexes: str) -> tuple[str, dict[str, Any]]:
    """The answer's text, and its trial as data; measured."""
    answer = await explain_query(library, sql, indexes=indexes)
    assert isinstance(answer.data, dict)
    return answer.text, answer.data["trial"]


@pytest.mark.anyio
async def test_an_index_that_only_a_foreign_keys_check_asks_is_called_used(library: Workspace) -> None:
    text, trial = await tried(library, "delete from author where id < 60", "book (author_id)", "book (made)")
    assert [one["used"] for one in trial["indexes"]] == [True, False]
    assert trial["helps"]
    assert text.startswith("Faster, ")
    assert (
        "Used by triggers, the checks of foreign keys or functions, as counted in the run: book_author_id_idx" in text
    )
    assert "Built and not used, so do not create: book_made_idx" in text


@pytest.mark.anyio
async def test_an_index_that_a_function_asks_is_called_used(library: Workspace) -> None:
    _, trial = await tried(library, "select sum(books_of(author_id)) from book where id < 50", "book (author_id)")
    assert trial["indexes"][0]["used"]
    assert trial["helps"]


@pytest.mark.anyio
async def test_an_index_that_only_the_planner_asks_is_not_used(library: Workspace) -> None:
    text, trial = await tried(library, "select sum(id) from book where made > 5", "book (made)")
    assert not trial["indexes"][0]["used"]
    assert not trial["helps"]
    assert "Used by" not in text


@pytest.mark.anyio
async def test_the_part_on_a_partition_counts_for_the_index_of_the_whole(library: Workspace) -> None:
    text, trial = await tried(library, "select * from reading where day = 5 and who = 205", "reading (day, who)")
    assert trial["indexes"][0]["used"]
    assert trial["indexes"][0]["bytes"] > 8192
    assert "Used by the plan: " in text


def run_of(milliseconds: float, index: str = "") -> Measured:
    """A run of one scan in that time."""
    node = PlanNode(1, "Index Scan" if index else "Seq Scan", "t", "public", index=index, total_cost=100.0)
    node = replace(node, actual=Actual(0.0, milliseconds, 10.0, 1))
    return Measured("one", QueryPlan(node, execution_ms=milliseconds), 3)


def test_a_plan_that_passes_over_what_was_built_is_no_gain_though_the_clock_fell() -> None:
    built = BuiltIndex("create index on t (a)", "t_a_idx", 8192, (7,), ("t_a_idx",))
    trial = Trial(run_of(90.0), run_of(30.0), "a copy", (built.after(set(), frozenset()),))
    assert trial.factor == 3
    assert trial.passed_over
    assert not trial.helps
    assert trial_verdict(trial)[0].startswith("No gain: nothing of what was built is used (90.0 -> 30.0 ms")


def test_the_same_figures_are_a_gain_once_something_asked_the_index() -> None:
    built = BuiltIndex("create index on t (a)", "t_a_idx", 8192, (7,), ("t_a_idx",))
    by_plan = Trial(run_of(90.0), run_of(30.0, "t_a_idx"), "a copy", (built.after({"t_a_idx"}, frozenset()),))
    aside = Trial(run_of(90.0), run_of(30.0), "a copy", (built.after(set(), frozenset({7})),))
    assert by_plan.helps
    assert aside.helps
    assert not aside.indexes[0].used


def test_what_planning_alone_asks_is_no_use() -> None:
    assert asked({1: 0, 2: 5}, {1: 2, 2: 5}, {1: 4, 2: 6}) == {2}
    assert asked({}, {3: 1}, {3: 3}) == {3}
    assert asked({1: 9}, {1: 9}, {1: 9}) == frozenset()


@pytest.mark.anyio
async def test_what_an_index_cured_is_told_with_the_figures_of_the_trial(library: Workspace) -> None:
    answer = await explain_query(
        library, "select * from book where author_id = $1", (7,), indexes=("book (author_id)",)
    )
    assert isinstance(answer.data, dict)
    (cured,) = answer.data["cured"]
    assert cured["code"] == "F101"
    assert cured["proven"].startswith("Proven by this trial, ")
    assert "F101" not in {one["code"] for one in answer.data["findings"]}
    assert "\nCured: F101 " in answer.text


@pytest.mark.anyio
async def test_an_index_that_does_not_pay_cures_nothing(library: Workspace) -> None:
    answer = await explain_query(library, "select sum(made) from book where id > 5", indexes=("book (author_id)",))
    assert isinstance(answer.data, dict)
    assert "cured" not in answer.data
    assert "Cured: " not in answer.text


@pytest.mark.anyio
async def test_a_rewritten_query_proves_what_it_cures(library: Workspace) -> None:
    slow = "select id, (select count(*) from book b where b.author_id = a.id) as books from author a where id < 200"
    quick = (
        "select id, coalesce(books, 0) as books from author a"
        " left join (select author_id, count(*) as books from book group by author_id) b on b.author_id = a.id where id < 200"
    )
    answer = await explain_query(library, slow, rewrite=quick)
    assert isinstance(answer.data, dict)
    assert answer.data["trial"]["equal"]
    assert answer.data["trial"]["helps"]
    assert {one["code"] for one in answer.data["cured"]} & {"F102", "F140"}


@pytest.mark.anyio
async def test_a_page_by_key_that_was_asked_for_proves_its_finding(library: Workspace) -> None:
    answer = await explain_query(library, "select id, made from book order by id limit 10 offset 25000", analyze=True)
    assert isinstance(answer.data, dict)
    found = next(one for one in answer.data["findings"] if one["code"] == "F129")
    assert found["proven"].startswith("Proven, ")
    assert found["fix"] == answer.data["paging"]["sql"]
