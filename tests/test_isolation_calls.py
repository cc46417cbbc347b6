"""Functions of an application that are called as one user about the rows of another: what gets through, what holds, what is not tried."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from mcp_server.errors import NotFound
from mcp_server.model.answer import Answer
from mcp_server.operations.isolation import check_isolation
from mcp_server.world.sandbox import Sandboxes
from tests.opened import PROJECTS, open_project

pytestmark = pytest.mark.anyio
READS = [
    "app.crud:get_leaks", "app.crud:list_leaks", "app.crud:titles_leaks", "app.crud:by_title_leaks", "app.crud:several_leaks",
    "app.crud:count_leaks", "app.crud:export_leaks", "app.crud:takes_no_user", "app.crud:Tasks.get_leaks",
    "app.later:get_leaks", "app.later:remarks_leaks",
]  # fmt: skip
CHANGES = {
    "app.crud:change_leaks": [["public.task", "changed"]],
    "app.crud:finish_leaks": [["public.task", "changed"]],
    "app.crud:delete_leaks": [["public.task", "removed"]],
    "app.crud:create_leaks": [["public.task", "added"]],
    "app.crud:add_remark_leaks": [["public.remark", "added"]],
    "app.crud:move_remark_leaks": [["public.remark", "changed"]],
    "app.later:Tasks.rename_leaks": [["public.task", "changed"]],
}
HELD = [
    "app.crud:get_fixed", "app.crud:list_fixed", "app.crud:titles_fixed", "app.crud:by_title_fixed", "app.crud:several_fixed",
    "app.crud:change_fixed", "app.crud:finish_fixed", "app.crud:delete_fixed", "app.crud:create_fixed",
    "app.crud:add_remark_fixed", "app.crud:move_remark_fixed", "app.crud:count_fixed", "app.crud:export_fixed", "app.crud:Tasks.get_fixed", "app.later:get_fixed",
    "app.later:remarks_fixed", "app.later:Tasks.rename_fixed", "app.crud:clock_fixed",
]  # fmt: skip
UNTRIED = {
    "app.crud:session_of_its_own": "it opens a session of its own",
    "app.crud:row_of_the_caller": "`task` is a row that its caller has fetched",
    "app.crud:only_blind": "with the user's own rows it raises RuntimeError: not finished at app/crud.py:",
    "app.crud:runs_program": "it reaches outside the database: os.system (app/crud.py:",
    "app.crud:by_way_of_a_helper": "it reaches outside the database: os.system (app/crud.py:",
    "app.crud:hides_a_program": "it was kept from acting outside the database: app/crud.py:",
    "app.crud:hides_a_file": "it was kept from acting outside the database: app/crud.py:",
    "app.crud:hides_an_address": "it was kept from acting outside the database: app/crud.py:",
    "app.crud:never_ends": "it did not come to an end within",
    "app.crud:ends_the_process": "it ended the process, or did not come to an end",
    "app.crud:wants_a_stranger": "nothing is known that would be a Popen",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose functions are called."""
    folder = tmp_path_factory.mktemp("calls") / "project"
    shutil.copytree(PROJECTS / "session_calls", folder)
    return folder


@pytest.fixture(scope="module")
async def answer(project: Path, sandboxes: Sandboxes) -> AsyncIterator[Answer]:
    """All of its functions, called once."""
    workspace = open_project(project, sandboxes)
    yield await check_isolation(workspace, functions=("all",))
    await workspace.close()


@pytest.fixture
def called(answer: Answer) -> Mapping[str, Mapping[str, Any]]:
    return by_name(answer)


def by_name(answer: Answer) -> Mapping[str, Mapping[str, Any]]:
    data = cast("dict[str, Any]", answer.data)
    return {one["function"]: one for one in data["functions"]}


def severities(answer: Answer, code: str) -> dict[str, str]:
    data = cast("dict[str, Any]", answer.data)
    return {one["subject"].partition(": ")[0]: one["severity"] for one in data["findings"] if one["code"] == code}


async def test_every_function_that_takes_a_session_is_called_or_named(called: Mapping[str, Mapping[str, Any]]) -> None:
    assert set(called) == {*READS, *CHANGES, *HELD, *UNTRIED, "app.crud:tells_that_it_exists"}


@pytest.mark.parametrize("name", READS)
async def test_a_function_that_gives_rows_of_another_user_is_found(
    name: str, answer: Answer, called: Mapping[str, Mapping[str, Any]]
) -> None:
    assert called[name]["outcome"] == "through"
    assert called[name]["read"]
    assert severities(answer, "I331")[name] == ("warning" if name == "app.crud:takes_no_user" else "error")


@pytest.mark.parametrize("name", CHANGES)
async def test_a_function_that_acts_on_rows_of_another_user_is_found(
    name: str, answer: Answer, called: Mapping[str, Mapping[str, Any]]
) -> None:
    assert called[name]["outcome"] == "through"
    assert called[name]["changes"] == CHANGES[name]
    assert severities(answer, "I332")[name] == "error"


@pytest.mark.parametrize("name", HELD)
async def test_its_fixed_twin_holds(name: str, answer: Answer, called: Mapping[str, Mapping[str, Any]]) -> None:
    assert called[name]["outcome"] == "held", called[name]
    assert name not in severities(answer, "I331") | severities(answer, "I332")


@pytest.mark.parametrize("name", UNTRIED)
async def test_what_cannot_be_proven_is_never_called_safe(name: str, called: Mapping[str, Mapping[str, Any]]) -> None:
    assert called[name]["outcome"] == "untried"
    assert called[name]["detail"].startswith(UNTRIED[name])


async def test_that_a_row_exists_is_said_and_is_no_leak(called: Mapping[str, Mapping[str, Any]]) -> None:
    told = called["app.crud:tells_that_it_exists"]
    assert told["outcome"] == "held"
    assert told["detail"] == (
        "it tells that the row is there: PermissionError: not yours, else LookupError: there is none"
    )


async def test_nothing_is_left_outside_the_database(project: Path, answer: Answer) -> None:
    assert answer.findings
    assert not list(project.rglob("left-behind"))
    assert not list(project.rglob("__pycache__"))


async def test_the_verdict_tells_how_the_calls_ended(answer: Answer) -> None:
    through, held = len(READS) + len(CHANGES), len(HELD) + 1
    assert f"{through + held} functions called: {through} let others' rows through, {held} held" in answer.verdict
    assert f"{len(UNTRIED)} could not be tried" in answer.verdict
    assert "Next: keep the functions that let rows through to their user" in answer.text


async def test_functions_that_open_sessions_of_their_own_are_named(answer: Answer) -> None:
    assert "Not called, as they open sessions of their own: app.later:on_its_own." in answer.text


async def test_functions_are_named_one_by_one_or_by_their_module(project: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project, sandboxes)
    one = await check_isolation(workspace, functions=("app.crud:Tasks.get_fixed",))
    module = await check_isolation(workspace, functions=("app.later",))
    assert list(by_name(one)) == ["app.crud:Tasks.get_fixed"]
    assert {name.partition(":")[0] for name in by_name(module)} == {"app.later"}
    with pytest.raises(NotFound, match="no_such") as missing:
        await check_isolation(workspace, functions=("app.crud:no_such",))
    assert "`all` calls every one" in missing.value.hint
    await workspace.close()


async def test_policies_hold_what_the_code_lets_through(project: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project, sandboxes)
    names = ("app.crud:list_leaks", "app.crud:list_fixed", "app.crud:delete_leaks")
    answer = await check_isolation(workspace, functions=names, policies="show")
    policies = cast("dict[str, Any]", answer.data)["policies"]
    assert {one["function"]: one["outcome"] for one in policies["functions"]} == dict.fromkeys(names, "held")
    assert "With the policies 3 functions called: 0 let others' rows through, 3 held." in answer.text
    await workspace.close()


async def test_nothing_is_called_that_was_not_asked_for(project: Path, sandboxes: Sandboxes) -> None:
    workspace = open_project(project, sandboxes)
    silent = await check_isolation(workspace)
    assert by_name(silent) == {}
    assert "functions called" not in silent.text
    await workspace.close()
