"""Where no copy with rows can be had, indexes are made up by HypoPG, and the answer says that it is an estimate by it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mcp_server.errors import Refused
from mcp_server.model.answer import Answer
from mcp_server.model.trial import Question
from mcp_server.operations.explain import explain_query
from mcp_server.operations.trial import try_indexes
from mcp_server.render.trial_text import trial_verdict
from mcp_server.world.database import connect
from mcp_server.world.explain import explain
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.workspace import Workspace
from tests.conftest import SYSTEM
from tests.opened import open_project

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.Connection[asyncpg.Record]

HAVING = [major for major in SYSTEM if Path(f"/usr/share/postgresql/{major}/extension/hypopg.control").is_file()]
# A materialized view has indexes, and no copy is made of it.
TABLES = """
create table sale (id int primary key, shop int not null, made int not null, note text);
insert into sale select g, g % 300, g, repeat('x', 60) from generate_series(1, 30000) g;
create materialized view busy as select * from sale where shop < 290;
analyze
"""


def is_installable(major: str) -> bool:
    """Whether this Debian offers HypoPG for a major version."""
    if not shutil.which("apt-cache"):
        return False
    asked = subprocess.run(
        ["apt-cache", "policy", f"postgresql-{major}-hypopg"], capture_output=True, text=True, check=False
    )
    return "Candidate: " in asked.stdout and "Candidate: (none)" not in asked.stdout


def test_continuous_integration_has_hypopg_where_debian_offers_it() -> None:
    lacking = [major for major in SYSTEM if major not in HAVING and is_installable(major)]
    if not os.environ.get("CI"):
        pytest.skip("outside of continuous integration nobody has to have it")
    assert not lacking or HAVING, f"apt-get install postgresql-{lacking[0]}-hypopg"


def on_one_with_hypopg(test: Any) -> Any:
    """Run a test on a Postgres of this machine that has HypoPG."""
    chosen = pytest.mark.parametrize("postgres", HAVING[:1] or ["18"], indirect=True, scope="session")
    lacking = pytest.mark.skipif(not HAVING, reason="no Postgres of this machine has HypoPG")
    return pytest.mark.anyio(lacking(chosen(test)))


@pytest.fixture
async def live(database: Sandbox) -> AsyncIterator[Connection]:
    connection = await connect(database.url)
    await connection.execute(TABLES)
    yield connection
    await connection.close(timeout=5)


@pytest.fixture
async def selling(
    live: Connection, database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path
) -> AsyncIterator[Workspace]:
    """A workspace whose live database has HypoPG; nothing that is asked leaves a trace there."""
    await live.execute("create schema tools; create extension hypopg schema tools")
    workspace = open_project(tmp_path, sandboxes, database_url=database.url, cache=cache)
    yield workspace
    there = await workspace.live()
    assert await there.fetchval("select count(*) from tools.hypopg()") == 0
    assert await live.fetchval("select count(*) from pg_index where indrelid = 'busy'::regclass") == 0
    await there.close(timeout=5)


def trial_of(answer: Answer) -> dict[str, Any]:
    assert isinstance(answer.data, dict)
    return dict(answer.data["trial"])


@on_one_with_hypopg
async def test_an_index_that_cannot_be_built_on_a_copy_is_estimated_by_hypopg(selling: Workspace) -> None:
    answer = await explain_query(
        selling, "select * from busy where made = $1", (77,), indexes=("busy (made)", "busy (shop, note)")
    )
    first, *rest = answer.text.splitlines()
    assert first.startswith("Cheaper, ")
    assert "only estimated, on the live database, by indexes that HypoPG makes up (public.busy is no table" in first
    assert rest[0] == "The planner would take: create index on busy (made)."
    assert rest[1] == "The planner passes over, so do not create: create index on busy (shop, note)."
    assert rest[2].startswith("Nothing was built or run: measure on a branch")
    trial = trial_of(answer)
    assert (trial["by"], trial["measured"], trial["helps"]) == ("HypoPG", False, True)
    assert [one["used"] for one in trial["indexes"]] == [True, False]
    assert answer.carried_out["indexes built on a copy"] == 0


@on_one_with_hypopg
async def test_open_parameters_are_estimated_by_it_too(selling: Workspace) -> None:
    trial = trial_of(await explain_query(selling, "select * from busy where made = $1", indexes=("busy (made)",)))
    assert trial["helps"]
    assert trial["indexes"][0]["used"]


@on_one_with_hypopg
async def test_a_kind_of_index_that_hypopg_lacks_is_refused_with_a_next_step(selling: Workspace) -> None:
    with pytest.raises(Refused, match="HypoPG cannot make up this index") as refused:
        await explain_query(
            selling,
            "select * from busy where made = 1",
            indexes=("create index on busy using gin (string_to_array(note, ' '))",),
        )
    assert "branch" in refused.value.hint


@on_one_with_hypopg
async def test_where_a_copy_can_be_had_the_index_is_built_and_measured(selling: Workspace) -> None:
    answer = await explain_query(selling, "select * from sale where made = 5", indexes=("sale (made)",))
    assert trial_of(answer)["measured"]
    assert "HypoPG" not in answer.text


@pytest.mark.anyio
async def test_without_hypopg_tables_too_large_are_asked_about_by_their_statistics(
    live: Connection, database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path
) -> None:
    workspace = open_project(tmp_path, sandboxes, database_url=database.url, cache=cache)
    there = await workspace.live()
    question = Question("select * from sale where made = $1", (77,), 15_000)
    plain = await explain(there, question.sql, question.params)
    indexes = ("sale (made)", "sale (note) where shop = 7")
    trial, explained = await try_indexes(workspace, question, plain, indexes, most=1_000)
    await there.close(timeout=5)
    assert (trial.imagined, trial.before.runs, trial.helps) == ("statistics", 0, True)
    assert trial.before.plan.root.total_cost == pytest.approx(plain.plan.root.total_cost, rel=0.05)
    assert [one.used for one in trial.indexes] == [True, False]
    assert "sale_made_idx" in {node.index for node in explained.plan.nodes()}
    await live.execute("create index on sale (made); create index on sale (note) where shop = 7")
    for one in trial.indexes:
        assert one.size == pytest.approx(
            await live.fetchval("select pg_relation_size($1::text::regclass)", one.name), rel=0.2
        )
    first, *rest = trial_verdict(trial)
    assert (
        "only estimated, on a copy with live's statistics and none of its rows (The tables of this statement take"
        in first
    )
    assert rest[0].startswith("The planner would take: create index on sale (made) (about ")
    assert rest[1].startswith("The planner passes over, so do not create: create index on sale (note)")


@pytest.mark.anyio
async def test_without_hypopg_the_refusal_says_why_there_is_no_copy(
    live: Connection, database: Sandbox, sandboxes: Sandboxes, tmp_path: Path, cache: Path
) -> None:
    workspace = open_project(tmp_path, sandboxes, database_url=database.url, cache=cache)
    with pytest.raises(Refused, match="no table of its own"):
        await explain_query(workspace, "select * from busy where made = 1", indexes=("busy (made)",))
    await (await workspace.live()).close(timeout=5)
