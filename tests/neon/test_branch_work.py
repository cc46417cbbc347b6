"""Revisions tried on branches of the emulated project before they reach live: real databases, each at its own address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcp_server.errors import ConfigError, ConnectionFailed, Refused
from mcp_server.operations.apply import apply_migration
from mcp_server.operations.branch import manage_branch
from mcp_server.operations.explain import explain_query
from mcp_server.operations.indexes import recommend_indexes
from mcp_server.operations.migrate import autogenerate_migration
from mcp_server.operations.review import review_migration
from mcp_server.world.branch_making import branch_ground
from mcp_server.world.sandbox import Sandbox, Sandboxes
from tests.applying import HASH, write_revision
from tests.neon.cloud import Cloud, opened_cloud
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

BORN = "alter table authors alter column born set not null"


@pytest.fixture
async def cloud(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> AsyncIterator[Cloud]:
    async with opened_cloud(copy_history(tmp_path), sandboxes, database) as made:
        yield made


async def test_a_revision_goes_from_a_branch_to_live_by_one_hash_and_few_round_trips(cloud: Cloud) -> None:
    write_revision(
        cloud.root, "c3", "b2", ["alter table authors add column died int"], ["alter table authors drop column died"]
    )
    main, calls = cloud.api.main, cloud.api.calls

    await manage_branch(cloud.workspace, "create", name="try")
    assert (
        len(calls) == 1 + 1 + 2 + 1 + 1 + 2
    )  # whose project (2, once), what is there (2), the plan, the branch, its operations
    reviewed = await review_migration(cloud.workspace, "c3", on="branch:dbarch-try")
    shown = (await apply_migration(cloud.workspace, target="branch:dbarch-try")).text
    digest = HASH.search(shown)
    assert digest, shown
    done = await apply_migration(cloud.workspace, target="branch:dbarch-try", plan_hash=digest[1])
    assert await cloud.at(main) == "b2"
    assert await cloud.at(cloud.branch("dbarch-try")) == "c3"
    compared = await manage_branch(cloud.workspace, "diff", name="dbarch-try")
    live = await apply_migration(cloud.workspace, plan_hash=digest[1])
    gone = await manage_branch(cloud.workspace, "delete", name="dbarch-try")

    # What the calls need: the branches and computes (2) for each of the six that name a branch, four addresses, the plan's
    # limits, POST and DELETE, and three operations to wait for. What is more: which project it is, asked once.
    needed = 6 * 2 + 4 + 1 + 2 + 3
    assert len(calls) - needed <= 3, calls
    assert "On the branch dbarch-try, a copy of main with its rows: upgrade " in reviewed.text
    assert "The branch stands at b2 again." in reviewed.text
    assert f'target="live", plan_hash="{digest[1]}"' in done.text
    assert "1 difference leads from main to dbarch-try." in compared.text
    assert live.text.startswith("Applied c3 to live")
    assert gone.text == "dbarch-try is deleted."
    assert await cloud.at(main) == "c3"
    assert cloud.names == ["main"]


async def test_a_revision_that_only_real_rows_stop_is_rejected_on_a_fresh_branch_that_is_gone_afterwards(
    cloud: Cloud,
) -> None:
    await cloud.run(cloud.api.main, "insert into authors (name, born) values ('Anonymous', null)")
    write_revision(cloud.root, "c3", "b2", [BORN], ["alter table authors alter column born drop not null"])
    answer = await review_migration(cloud.workspace, "c3", on="branch")
    assert "error M313 revision c3" in answer.text
    assert "upgrade FAILED." in answer.text
    assert 'column "born" of relation "authors" contains null values' in answer.text
    assert "Anonymous" not in answer.text
    assert "The branch was removed." in answer.text
    assert cloud.names == ["main"]
    assert await cloud.at(cloud.api.main) == "b2"


async def test_what_a_branch_showed_of_times_and_locks_is_told_once_what_is_pending_before_was_walked(
    cloud: Cloud,
) -> None:
    write_revision(
        cloud.root, "c3", "b2", ["alter table authors add column died int"], ["alter table authors drop column died"]
    )
    write_revision(cloud.root, "d4", "c3", [BORN], ["alter table authors alter column born drop not null"])
    answer = await review_migration(cloud.workspace, "d4", on="branch")
    assert "a copy of main with its rows: upgrade " in answer.text
    assert "Locked there, at most: public.authors " in answer.text
    assert "(stops reads and writes)" in answer.text
    assert f"for `{BORN}`" in answer.text
    assert isinstance(answer.data, dict)
    (walked,) = answer.data["migrations"]
    assert [one["command"] for one in walked["on_branch"]["stages"]] == ["upgrade", "downgrade", "upgrade"]
    assert walked["on_branch"]["came_back"] is True


async def test_a_revision_that_live_has_already_is_not_walked_again(cloud: Cloud) -> None:
    answer = await review_migration(cloud.workspace, "b2", on="branch")
    assert "b2 is applied there already" in answer.text
    assert cloud.names == ["main"]


async def test_a_generated_revision_that_a_branch_refuses_is_not_written(cloud: Cloud, tmp_path: Path) -> None:
    goal = cloud.root / "goal.sql"
    goal.write_text("create table authors (id serial primary key, name varchar(100) not null, born int not null);")
    await cloud.run(cloud.api.main, "insert into authors (name, born) values ('Anonymous', null)")
    before = sorted(cloud.root.rglob("*.py"))
    answer = await autogenerate_migration(cloud.workspace, "born", after="file:goal.sql", on="branch")
    assert "the upgrade fails on the rows of main" in answer.text
    assert sorted(cloud.root.rglob("*.py")) == before
    await cloud.run(cloud.api.main, "delete from authors where born is null")
    answer = await autogenerate_migration(cloud.workspace, "born", after="file:goal.sql", on="branch")
    assert answer.text.startswith("Wrote ")
    assert "On the fresh branch dbarch-try-" in answer.text
    assert cloud.names == ["main"]


async def test_a_plan_runs_on_a_fresh_branch_with_the_hash_that_live_shows(cloud: Cloud) -> None:
    write_revision(
        cloud.root, "c3", "b2", ["alter table authors add column died int"], ["alter table authors drop column died"]
    )
    await review_migration(cloud.workspace, "c3")
    plan = await apply_migration(cloud.workspace, target="branch")
    digest = HASH.search(plan.text)
    assert digest
    assert "No branch was made" in plan.text
    assert "ran on no branch yet" in (await apply_migration(cloud.workspace)).text
    assert cloud.names == ["main"]
    done = await apply_migration(cloud.workspace, target="branch", plan_hash=digest[1])
    assert done.text.startswith("Applied c3 to branch (dbarch_neon_owner@127.0.1.")
    assert "it is removed" in done.text
    assert cloud.names == ["main"]
    assert await cloud.at(cloud.api.main) == "b2"
    assert not [*cloud.root.rglob(".dbarch/applying/*")]
    cloud.workspace.ledger.append("apply_migration", {"target": "branch", "plan_hash": digest[1]}, done.verdict)
    assert "This plan ran on a branch at 20" in (await apply_migration(cloud.workspace)).text


async def test_a_plan_that_may_not_run_leaves_no_branch(cloud: Cloud) -> None:
    write_revision(cloud.root, "c3", "b2", [BORN])
    with pytest.raises(Refused, match="nothing was run"):
        await apply_migration(cloud.workspace, target="branch", plan_hash="0" * 16)
    assert any(call.startswith("DELETE") for call in cloud.api.calls)
    assert cloud.names == ["main"]


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("branch:main", "main is the configured database"),
        ("branch:staging", "staging is protected"),
        ("branch:alice", "was not made by dbarch"),
        ("branch:", "names no branch"),
        ("live", "names no branch"),
    ],
)
async def test_nothing_is_rehearsed_on_a_branch_that_must_stay(cloud: Cloud, word: str, why: str) -> None:
    cloud.api.add("staging", parent=cloud.api.main, protected=True)
    cloud.api.add("alice", parent=cloud.api.main)
    with pytest.raises(Refused, match=why):
        async with branch_ground(cloud.workspace, word, only_ours=True):
            pass
    assert not any(call.startswith("POST") for call in cloud.api.calls)


async def test_a_branch_that_could_not_be_removed_is_named_with_the_way_to_do_it(cloud: Cloud) -> None:
    write_revision(cloud.root, "c3", "b2", [BORN], ["alter table authors alter column born drop not null"])
    cloud.api.faulty, cloud.api.faults = "DELETE", [400]
    answer = await review_migration(cloud.workspace, "c3", on="branch")
    (left,) = [name for name in cloud.names if name != "main"]
    assert f"manage_branch action=delete name={left}" in answer.text


async def test_a_branch_of_which_the_compute_fails_is_removed(cloud: Cloud) -> None:
    write_revision(cloud.root, "c3", "b2", [BORN], ["alter table authors alter column born drop not null"])
    cloud.api.broken = ["start_compute"]
    with pytest.raises(ConnectionFailed, match="`start_compute` ended as failed"):
        await review_migration(cloud.workspace, "c3", on="branch")
    assert cloud.names == ["main"]


async def test_a_database_that_is_on_no_branch_has_none_to_try_on(cloud: Cloud, database: Sandbox) -> None:
    elsewhere = cloud.workspace.configured(database_url=database.url, neon_project=cloud.api.project)
    with pytest.raises(ConfigError, match="on no branch of the Neon project"):
        async with branch_ground(elsewhere, "branch"):
            pass


MANY = "insert into authors (name, born) select 'name ' || g, 1500 + g % 500 from generate_series(1, 40000) g"
BY_NAME = "select id, born from authors where name = $1"
INDEXES = "select count(*) from pg_indexes where schemaname = 'public'"


async def test_an_index_is_tried_on_a_branch_with_all_rows_and_leaves_nothing_behind(cloud: Cloud) -> None:
    main = cloud.api.main
    await cloud.run(main, MANY, "analyze authors")
    fresh = await explain_query(cloud.workspace, BY_NAME, ("name 7",), indexes=("authors (name)",), on="branch")
    assert "the fresh branch dbarch-try-" in fresh.text
    assert "of main, with all its rows" in fresh.text
    assert cloud.names == ["main"]
    await manage_branch(cloud.workspace, "create", name="mine")
    stays = await explain_query(
        cloud.workspace, BY_NAME, ("name 7",), indexes=("authors (name)",), on="branch:dbarch-mine"
    )
    assert "the branch dbarch-mine of main, with all its rows" in stays.text
    assert isinstance(stays.data, dict)
    (built,) = stays.data["trial"]["indexes"]
    assert built["used"] is True
    assert await cloud.ask(cloud.branch("dbarch-mine"), INDEXES) == await cloud.ask(main, INDEXES)


async def test_a_change_is_measured_on_a_branch_and_rolled_back_there(cloud: Cloud) -> None:
    answer = await explain_query(cloud.workspace, "delete from authors", analyze=True, on="branch")
    assert answer.text.startswith("Run on the fresh branch dbarch-try-")
    assert await cloud.ask(cloud.api.main, "select count(*) from authors") == 2
    assert cloud.names == ["main"]


async def test_a_function_that_acts_is_not_run_with_the_rights_of_a_branch(cloud: Cloud) -> None:
    await cloud.run(
        cloud.api.main,
        "create function act() returns int language plpgsql as $$ begin perform pg_terminate_backend(1); return 1; end $$",
    )
    with pytest.raises(Refused, match="act"):
        await explain_query(cloud.workspace, "select act() from authors", analyze=True, on="branch")
    assert cloud.names == ["main"]


async def test_what_is_not_run_on_a_copy_is_not_asked_of_a_branch(cloud: Cloud) -> None:
    with pytest.raises(Refused, match=r"analyze=true, or indexes="):
        await explain_query(cloud.workspace, "select 1", on="branch")


async def test_indexes_are_proven_on_a_branch_by_a_role_that_is_no_superuser(cloud: Cloud) -> None:
    await cloud.run(cloud.api.main, MANY, "analyze authors")
    answer = await recommend_indexes(cloud.workspace, (BY_NAME,), seconds=5, on="branch")
    assert answer.text.startswith("1 new index of ")
    assert ", measured (" in answer.text
    assert "Measured on the fresh branch dbarch-try-" in answer.text
    assert isinstance(answer.data, dict)
    (statement,) = answer.data["statements"]
    assert statement["before"] > 3 * statement["after"]
    assert cloud.names == ["main"]


async def test_a_word_that_means_no_branch_is_refused_before_anything_is_done(cloud: Cloud) -> None:
    for work in (
        review_migration(cloud.workspace, "b2", on="brnch"),
        autogenerate_migration(cloud.workspace, "x", on="brnch"),
        explain_query(cloud.workspace, "select 1", analyze=True, on="brnch"),
        recommend_indexes(cloud.workspace, ("select 1",), on="brnch"),
    ):
        with pytest.raises(Refused, match="'brnch' names no branch"):
            await work
    with pytest.raises(ConfigError, match="No Neon API key is set"):
        await review_migration(cloud.workspace.configured(neon_key=""), "b2", on="branch")
    assert cloud.api.calls == []
