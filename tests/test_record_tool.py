"""write_phr as a caller meets it: through the door that both doors use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcp_server.door import Door, contract_of
from mcp_server.errors import NotFound, Refused
from mcp_server.operations import OPERATIONS
from mcp_server.world.workspace import Workspace
from tests.phr_files import strictly

pytestmark = pytest.mark.anyio
CONTRACT = contract_of(next(operation for operation in OPERATIONS if operation.name == "write_phr"))
MINIMUM = {"title": "Add tags", "stage": "general", "prompt": "please add tags"}


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    for name in ("SPECIFY_FEATURE", "SPECIFY_FEATURE_DIRECTORY", "ANTHROPIC_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:correct-horse@db.example.org/todo")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Ada")
    (tmp_path / "specs/001-todo").mkdir(parents=True)
    async with Workspace.open(tmp_path) as workspace:
        yield Door(workspace)


async def call(door: Door, as_json: bool = False, **given: Any) -> str:
    return door.say(await door.carry_out(CONTRACT, MINIMUM | given), as_json=as_json)


async def test_three_arguments_are_enough(door: Door) -> None:
    assert [argument.name for argument in CONTRACT.arguments if argument.required] == ["title", "stage", "prompt"]
    assert await call(door) == (
        "✅ Exchange recorded as PHR-0001 in general context\n"
        "📁 history/prompts/general/0001-add-tags.general.prompt.md\n"
        "Title: Add tags\nStage: general\nFeature: none\nFiles modified: 0\nTests involved: 0"
    )


async def test_every_argument_is_described(door: Door) -> None:
    assert all(argument.description for argument in CONTRACT.arguments)
    assert [argument.name for argument in CONTRACT.arguments] == [
        "title", "stage", "prompt", "feature", "response", "command", "labels", "files", "tests", "links", "outcome",
        "format",
    ]  # fmt: skip


async def test_the_answer_says_what_was_found_hidden_and_suggested(door: Door) -> None:
    text = await call(
        door,
        title="Add a tags table",
        stage="green",
        feature="1",
        prompt="connect with correct-horse",
        files=("a.py", "a.py", " "),
    )
    assert "Feature: 001-todo (as given)\nFiles modified: 1\n" in text
    assert "🔒 Secrets were hidden in 1 of the texts" in text
    assert text.endswith("📋 Architectural decision detected: a new table. Document? Run /sp.adr Add a tags table.")


async def test_programs_get_the_same_as_json(door: Door) -> None:
    data = json.loads(await call(door, as_json=True, links={"PR": "https://example.org/1"}, outcome={"impact": "good"}))
    assert data["id"] == "0001"
    assert data["path"] == "history/prompts/general/0001-add-tags.general.prompt.md"
    assert data["warnings"] == []
    front = strictly(door.workspace.settings.root / data["path"])
    assert front["links"]["pr"] == "https://example.org/1"


async def test_calls_before_are_evidence_and_the_call_itself_is_noted(door: Door) -> None:
    with pytest.raises(NotFound):
        await call(door, stage="green")
    assert "Evidence" not in await call(door)
    door.workspace.ledger.append("inspect_schema", {"source": "live"}, "7 tables")
    assert "Evidence: 1 dbarch run" in await call(door)
    assert [run.tool for run in door.workspace.ledger.runs()] == [
        "write_phr", "write_phr", "inspect_schema", "write_phr",
    ]  # fmt: skip
    assert door.workspace.ledger.runs()[-1].verdict == (
        "PHR-0002 at history/prompts/general/0002-add-tags.general.prompt.md"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stage": "implementation"}, "the nearest is `green`"),
        ({"title": " \n"}, "`title` is empty"),
        ({"prompt": "\t"}, "`prompt` is empty"),
        ({"links": {"issue": "x"}}, "`issue` is no link of a record"),
        ({"outcome": {"mood": "x"}}, "`mood` is no part of a record's outcome"),
        ({"stage": "green", "feature": "../../etc"}, "cannot be a feature's folder"),
    ],
)
async def test_what_cannot_be_recorded_is_refused_and_nothing_is_written(
    door: Door, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(Refused, match=message):
        await call(door, **given)
    assert not (door.workspace.settings.root / "history").exists()


async def test_called_in_a_folder_of_the_project_the_record_goes_to_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPECIFY_FEATURE", "001-todo")
    for folder in (".git", ".specify", "specs/001-todo", "backend/app"):
        (tmp_path / folder).mkdir(parents=True)
    async with Workspace.open(tmp_path / "backend/app") as workspace:
        text = await call(Door(workspace), stage="green")
    assert f"📁 history/prompts/001-todo/0001-add-tags.green.prompt.md (in {tmp_path})" in text
    assert (tmp_path / "history/prompts/001-todo/0001-add-tags.green.prompt.md").is_file()
    assert [entry.name for entry in (tmp_path / "backend/app").iterdir()] == [".dbarch"]


async def test_a_folder_above_that_is_another_repository_gets_nothing(tmp_path: Path) -> None:
    for folder in (".specify", "inner/.git"):
        (tmp_path / folder).mkdir(parents=True)
    async with Workspace.open(tmp_path / "inner") as workspace:
        await call(Door(workspace))
    assert (tmp_path / "inner/history/prompts/general/0001-add-tags.general.prompt.md").is_file()


async def test_a_stage_in_capitals_is_the_same_stage(door: Door) -> None:
    assert "Stage: general" in await call(door, stage=" General ")


async def test_a_part_that_only_the_project_s_template_has_can_be_given(door: Door) -> None:
    template = door.workspace.settings.root / ".specify/templates/phr-template.prompt.md"
    template.parent.mkdir(parents=True)
    template.write_text(
        "---\nid: {{ID}}\ntitle: {{TITLE}}\nstage: {{STAGE}}\ndate: {{DATE_ISO}}\nsha: {{SHA}}\n---\n{{PROMPT_TEXT}}\n"
    )
    with pytest.raises(Refused, match="by the template SHA"):
        await call(door, outcome={"mood": "x"})
    data = json.loads(await call(door, as_json=True, outcome={"sha": "0012"}))
    assert strictly(door.workspace.settings.root / data["path"])["sha"] == "0012"
