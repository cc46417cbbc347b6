"""manage_branch and the source `branch:` against an API that keeps Neon's contract; the databases are real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcp_server.door import Door, contract_of
from mcp_server.errors import ArchitectError, ConfigError, ConnectionFailed, NotFound, PermissionDenied, Refused
from mcp_server.operations import OPERATIONS
from mcp_server.operations.branch import manage_branch
from mcp_server.world.branch_making import branch_ground
from mcp_server.world.database import connect
from mcp_server.world.neon import Pace, open_neon
from mcp_server.world.owner import new_name
from mcp_server.world.sandbox import Sandboxes
from mcp_server.world.sources import read_source
from mcp_server.world.urls import read_url
from mcp_server.world.workspace import Settings, Workspace
from tests.neon.api import KEY, NeonApi, moment, serving
from tests.neon.faults import seeded_run

pytestmark = pytest.mark.anyio

SECRET = "npg_Hidden4Nobody"


class Place:
    """A workspace, the API that it asks, and the databases behind main and behind every other branch."""

    def __init__(self, workspace: Workspace, api: NeonApi, main: str, other: str) -> None:
        self.workspace, self.api, self.main, self.other = workspace, api, main, other

    async def manage(self, action: Any, **given: Any) -> str:
        return (await manage_branch(self.workspace, action, **given)).text

    @property
    def names(self) -> list[str]:
        return sorted(one["name"] for one in self.api.branches.values())


@pytest.fixture
async def place(tmp_path: Path, sandboxes: Sandboxes) -> AsyncIterator[Place]:
    async with sandboxes.lend() as main, sandboxes.lend() as other:

        def url_of(branch: str) -> str:
            return main.url if branch.startswith("br-main") else other.url

        def host_of(branch: str) -> str:
            return read_url(url_of(branch)).host

        api = NeonApi(host_of, url_of)
        with serving(api) as address:
            settings = Settings(tmp_path, database_url=main.url, cache=tmp_path, neon_key=KEY, neon_address=address)
            workspace = Workspace(settings)
            yield Place(workspace, api, main.url, other.url)
            await workspace.close()


async def test_branches_are_listed_with_what_they_are(place: Place) -> None:
    place.api.add("staging", parent="br-main-0", protected=True)
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    text = await place.manage("list")
    assert text.split("\n") == [
        "3 branches of the 10 that its plan allows in project quiet-frost-1, 1 of them dbarch's.",
        "  main (default, the configured database)",
        "  dbarch-try (of main, ends 2099-01-01T00:00:00Z)",
        "  staging (protected, of main)",
    ]


async def test_a_branch_is_made_with_an_expiry_and_waited_for(place: Place) -> None:
    place.api.polls = 2
    text = await place.manage("create", name="Try the Tags!", hours=2)
    assert text.startswith("Made dbarch-try-the-tags from main, with its data; it ends ")
    made = next(one for one in place.api.branches.values() if one["name"] == "dbarch-try-the-tags")
    assert made["expires_at"] < moment(days=0.1)
    assert all(one["status"] == "finished" for one in place.api.operations.values())
    assert "branch:dbarch-try-the-tags" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"hours": 0}, "hours must be"),
        ({"hours": 721}, "at most 720"),
        ({"at": "yesterday"}, "neither a moment nor an LSN"),
        ({"parent": "nowhere"}, "no branch 'nowhere'"),
        ({"name": "there"}, "There is a branch dbarch-there already"),
        ({"parent": "dbarch-there"}, "Neon makes no branches of such a one"),
    ],
)
async def test_what_neon_would_refuse_is_refused_before_it_is_asked(
    place: Place, given: dict[str, Any], words: str
) -> None:
    place.api.add("dbarch-there", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    with pytest.raises((Refused, NotFound), match=words):
        await place.manage("create", **{"name": "new", **given})
    assert place.names == ["dbarch-there", "main"]
    assert not any(call.startswith("POST") for call in place.api.calls)


async def test_a_limit_of_the_plan_is_told_in_neons_words(place: Place) -> None:
    place.api.faulty, place.api.faults = "POST", [422]
    with pytest.raises(Refused, match="answers 422: as told") as caught:
        await place.manage("create", name="new")
    assert "limit of the plan" in caught.value.hint


async def test_a_plan_without_room_is_told_before_anything_is_asked_for(place: Place) -> None:
    place.api.add("dbarch-old", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    place.api.limit = 2
    with pytest.raises(Refused, match="plan free_v3 has room for 2 branches, and there are 2") as caught:
        await place.manage("create", name="new")
    assert caught.value.hint == "Delete one of dbarch's: dbarch-old."
    assert not any(call.startswith("POST") for call in place.api.calls)


@pytest.mark.parametrize("action", ["reset", "delete"])
async def test_what_must_stay_is_neither_reset_nor_deleted(place: Place, action: str) -> None:
    place.api.add("staging", parent="br-main-0", protected=True)
    place.api.add("alice", parent="br-main-0")
    for name, words in (
        ("main", "the configured database"),
        ("staging", "protected"),
        ("alice", "was not made by dbarch"),
    ):
        with pytest.raises(Refused, match=words):
            await place.manage(action, name=name, **({"confirm": name} if name != "alice" else {}))
    assert place.names == ["alice", "main", "staging"]
    assert not any(call.startswith(("POST", "DELETE")) for call in place.api.calls)
    await place.manage(action, name="alice", confirm="alice")
    assert place.names == (["alice", "main", "staging"] if action == "reset" else ["main", "staging"])


async def test_a_branch_with_branches_of_its_own_is_not_deleted(place: Place) -> None:
    parent = place.api.add("dbarch-a", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    place.api.add("b", parent=parent)
    with pytest.raises(Refused, match="has branches of its own: b"):
        await place.manage("delete", name="dbarch-a")


async def test_only_ours_that_are_past_their_time_are_swept(place: Place) -> None:
    place.api.add("dbarch-old", parent="br-main-0", expires_at="2020-01-01T00:00:00Z")
    place.api.add("dbarch-new", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    place.api.add("dbarch-kept", parent="br-main-0")
    place.api.add("old", parent="br-main-0", expires_at="2020-01-01T00:00:00Z")
    text = await place.manage("sweep")
    assert text == "Deleted 1 branch past their time or abandoned: dbarch-old; 1 of dbarch's stay."
    assert place.names == ["dbarch-kept", "dbarch-new", "main", "old"]


async def test_what_differs_between_a_branch_and_its_parent_is_read_from_both(place: Place) -> None:
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    assert (
        await place.manage("diff", name="dbarch-try")
        == "dbarch-try and main have the same schema; rows were not compared."
    )
    connection = await connect(place.other)
    await connection.execute("create table tag (id int primary key)")
    await connection.close()
    text = await place.manage("diff", name="dbarch-try")
    assert " differences lead from main to dbarch-try.\n  add table public.tag\n" in text
    schema = await read_source(place.workspace, "branch:dbarch-try")
    assert [table.identity for table in schema.by_key().values() if table.word == "table"] == ["public.tag"]


async def test_an_address_of_another_branch_is_not_connected_to(place: Place) -> None:
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    compute = next(one for one in place.api.computes.values() if one["branch_id"].startswith("br-dbarch"))
    compute["host"] = "ep-elsewhere.local"
    with pytest.raises(Refused, match="nothing was sent there"):
        await read_source(place.workspace, "branch:dbarch-try")


async def test_neither_key_nor_password_leaves(place: Place) -> None:
    contract = contract_of(next(one for one in OPERATIONS if one.name == "manage_branch"))
    place.api.url_of = lambda branch: f"postgresql://app:{SECRET}@ep-x.local/neondb"
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    door = Door(place.workspace)
    for arguments in ({"action": "list"}, {"action": "create", "name": "x"}, {"action": "diff", "name": "dbarch-try"}):
        try:
            said = door.say(await door.carry_out(contract, arguments), as_json=False)
        except ArchitectError as error:
            said = door.harmless(str(error))
        assert KEY not in said
        assert SECRET not in said
    ledger = place.workspace.ledger.path.read_text()
    assert KEY not in ledger
    assert SECRET not in ledger


@pytest.mark.parametrize("fault", [423, 429, 503])
async def test_what_was_not_carried_out_is_asked_again(place: Place, fault: int) -> None:
    place.api.faulty, place.api.faults = "POST", [fault, fault]
    await place.manage("create", name="x")
    assert sum(call.startswith("POST") for call in place.api.calls) == 3
    assert place.names == ["dbarch-x", "main"]


@pytest.mark.parametrize("fault", [500, 502, "drop"])
async def test_what_may_have_been_carried_out_is_not_asked_again(place: Place, fault: int | str) -> None:
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    place.api.faulty, place.api.faults = "POST", [fault]
    with pytest.raises(ConnectionFailed, match=r"whether POST restore was carried out is not known"):
        await place.manage("reset", name="dbarch-try")
    assert sum(call.startswith("POST") for call in place.api.calls) == 1


@pytest.mark.parametrize("fault", ["late", 500, "drop"])
async def test_a_branch_whose_answer_was_lost_is_looked_for_before_it_is_asked_for_again(
    place: Place, fault: int | str
) -> None:
    place.api.faulty, place.api.faults = "POST", [fault]
    assert (await place.manage("create", name="x")).startswith("Made dbarch-x from main")
    assert place.names == ["dbarch-x", "main"]
    assert sum(call.startswith("POST") for call in place.api.calls) == (1 if fault == "late" else 2)


@pytest.mark.parametrize("fault", ["late", 500, "drop"])
async def test_a_branch_is_deleted_once_however_the_answers_were_lost(place: Place, fault: int | str) -> None:
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    place.api.faulty, place.api.faults = "DELETE", [fault]
    assert await place.manage("delete", name="dbarch-try") == "dbarch-try is deleted."
    assert place.names == ["main"]


async def test_an_anonymised_branch_is_handed_on_only_once_its_values_are_masked(place: Place) -> None:
    text = await place.manage("create", name="masked", masks={"users.email": "anon.fake_email()"})
    assert "with its data, masked" in text
    assert sum("anonymized_status" in call for call in place.api.calls) == 3
    place.api.masking = ["error"]
    with pytest.raises(ConnectionFailed, match="could not mask the branch's values: as told"):
        await place.manage("create", name="bare", masks={"users.email": "anon.nothing()"})
    assert place.names == ["dbarch-masked", "main"]


async def test_a_moment_that_the_history_does_not_reach_is_refused_with_the_oldest_one(place: Place) -> None:
    with pytest.raises(Refused, match="keeps its history for 6 hours") as caught:
        await place.manage("create", name="x", at="2020-01-01T00:00:00Z")
    assert "The oldest moment is 20" in caught.value.hint
    with pytest.raises(Refused, match="has not come yet"):
        await place.manage("create", name="x", at="2999-01-01T00:00:00Z")
    assert not any(call.startswith("POST") for call in place.api.calls)


async def test_a_branch_is_restored_to_what_it_was_and_what_it_is_now_is_kept(place: Place) -> None:
    place.api.add("dbarch-try", parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    text = await place.manage("restore", name="dbarch-try", at="0/1A2B3C")
    kept = next(one for one in place.api.branches.values() if one["name"].startswith("dbarch-before-try-"))
    assert f"What it was until now is the branch {kept['name']}, which ends {kept['expires_at']}." in text


async def test_branches_of_a_process_that_is_gone_are_swept_before_their_time(place: Place) -> None:
    owner = new_name(1).removeprefix("dbarch_").replace("_", "-")
    host, _, *rest = owner.split("-")
    for name in (f"dbarch-try-{owner}", f"dbarch-try-{'-'.join((host, '999999999', *rest))}"):
        place.api.add(name, parent="br-main-0", expires_at="2099-01-01T00:00:00Z")
    assert "Deleted 1 branch past their time or abandoned" in await place.manage("sweep")
    assert place.names == [f"dbarch-try-{owner}", "main"]


@pytest.mark.parametrize("fault", [500, 502, 503, 429, "drop"])
async def test_reading_is_asked_again_whatever_went_wrong(place: Place, fault: int | str) -> None:
    place.api.faults = [fault, fault]
    assert (await place.manage("list")).startswith("1 branch of")


async def test_a_fault_that_stays_is_told(place: Place) -> None:
    place.api.faults = [503] * 20
    with pytest.raises(ConnectionFailed, match="answers 503"):
        await place.manage("list")


async def test_an_operation_that_failed_is_told(place: Place) -> None:
    place.api.broken = ["start_compute"]
    with pytest.raises(ConnectionFailed, match="`start_compute` ended as failed"):
        await place.manage("create", name="x")


async def test_a_wrong_key_and_no_key_say_what_to_do(place: Place) -> None:
    wrong = place.workspace.configured(neon_key="napi_wrong")
    with pytest.raises(PermissionDenied, match="401"):
        await manage_branch(wrong, "list")
    with pytest.raises(ConfigError, match="No Neon API key is set"):
        await manage_branch(place.workspace.configured(neon_key=""), "list")


async def test_a_database_of_no_project_asks_for_the_projects_id(place: Place) -> None:
    elsewhere = place.workspace.configured(database_url="postgresql://app@db.example.org/x")
    with pytest.raises(ConfigError, match=r"has a compute at db\.example\.org"):
        await manage_branch(elsewhere, "list")
    named = elsewhere.configured(neon_project="quiet-frost-1")
    assert (await manage_branch(named, "list")).text.startswith(
        "1 branch of the 10 that its plan allows in project quiet-frost-1,"
    )


async def test_an_api_that_nobody_answers_is_told_as_that() -> None:
    async with open_neon(KEY, "http://127.0.0.1:9/api/v2", Pace(first=0.001)) as neon:
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            await neon.projects()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_the_api_meets_nothing_is_left_and_nothing_told_that_is_secret(seed: int) -> None:
    await seeded_run(seed)


async def test_a_fresh_branch_is_gone_when_the_work_on_it_is_cancelled(place: Place) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with branch_ground(place.workspace, "branch"):
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    assert len(place.names) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.names == ["main"]
    assert all(one["status"] == "finished" for one in place.api.operations.values())
