"""write_adr: only after consent, only for what is a decision, numbered, linked, never over a file that is there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcp_server.door import Door, contract_of
from mcp_server.errors import NotFound, Refused
from mcp_server.operations import OPERATIONS
from mcp_server.world.workspace import Workspace

pytestmark = pytest.mark.anyio

CONTRACT = contract_of(next(operation for operation in OPERATIONS if operation.name == "write_adr"))
WHOLE: dict[str, Any] = {
    "title": "Use UUID primary keys",
    "decision": "Every table has a uuid primary key, made by the database.",
    "consent": "yes, write it down",
    "impact": "Keys are part of every foreign key and every URL.",
    "alternatives": ("bigint identity: smaller, but tells how many rows there are", "ulid: needs an extension"),
    "scope": "All tables and all routes.",
    "context": "Rows are made on several devices.",
    "positive": ("Keys can be made before the row is sent.",),
    "negative": ("Indexes are twice as wide.",),
}
FILE = "history/adr/0001-use-uuid-primary-keys.md"


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    for name in ("SPECIFY_FEATURE", "SPECIFY_FEATURE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", "postgresql://app:correct-horse@db.example.org/todo")
    (tmp_path / "specs/001-todo").mkdir(parents=True)
    (tmp_path / "specs/001-todo/spec.md").write_text("# Todo\n")
    async with Workspace.open(tmp_path) as workspace:
        yield Door(workspace)


async def call(door: Door, **given: Any) -> str:
    return door.say(await door.carry_out(CONTRACT, WHOLE | given), as_json=False)


def written(door: Door, file: str = FILE) -> str:
    return (door.workspace.settings.root / file).read_text("utf-8")


async def test_a_decision_that_was_agreed_to_stands_in_the_folder_of_decisions(door: Door) -> None:
    text = await call(door, feature="1")
    assert text.startswith(f"✅ ADR-0001 written: Use UUID primary keys\n📁 {FILE}\nStatus: Proposed\n")
    assert "Linked: spec specs/001-todo/spec.md" in text
    page = written(door)
    assert page.startswith("# ADR-0001: Use UUID primary keys\n\n- **Status:** Proposed\n- **Date:** ")
    assert "- **Feature:** 001-todo\n- **Context:** Rows are made on several devices.\n" in page
    assert "## Decision\n\nEvery table has a uuid primary key, made by the database.\n" in page
    assert "### Negative\n\n- Indexes are twice as wide.\n" in page
    assert "- ulid: needs an extension\n" in page
    assert "- Agreed by the user: “yes, write it down”" in page
    assert "{{" not in page


async def test_nothing_is_written_without_consent_and_the_question_to_ask_is_given(door: Door) -> None:
    with pytest.raises(Refused) as caught:
        await call(door, consent="  ")
    assert caught.value.hint.endswith(
        "📋 Architectural decision detected: Every table has a uuid primary key, made by the database. "
        "Document? Run /sp.adr Use UUID primary keys."
    )
    assert not (door.workspace.settings.root / "history").exists()


@pytest.mark.parametrize("answer", ["no", "No.", "n/a", "none", "not yet", "not now", "false"])
async def test_an_answer_that_does_not_agree_is_no_consent(door: Door, answer: str) -> None:
    with pytest.raises(Refused, match="agrees"):
        await call(door, consent=answer)
    assert not (door.workspace.settings.root / "history").exists()


async def test_the_record_of_the_work_is_linked_also_when_it_belongs_to_no_feature(door: Door) -> None:
    phr = contract_of(next(operation for operation in OPERATIONS if operation.name == "write_phr"))
    for title in ("First work", "The work decided on"):
        await door.carry_out(phr, {"title": title, "stage": "general", "prompt": "do it"})
    door.workspace.ledger.append("check_health", {}, "healthy")
    text = await call(door)
    path = "history/prompts/general/0002-the-work-decided-on.general.prompt.md"
    assert f"Linked: phr {path}" in text
    assert f"- Evaluator Evidence: {path}" in written(door)
    assert "`check_health" in written(door)
    assert "`write_phr" not in written(door)


async def test_a_record_that_is_no_longer_there_is_not_linked(door: Door) -> None:
    phr = contract_of(next(operation for operation in OPERATIONS if operation.name == "write_phr"))
    await door.carry_out(phr, {"title": "First work", "stage": "general", "prompt": "do it"})
    (door.workspace.settings.root / "history/prompts/general/0001-first-work.general.prompt.md").unlink()
    assert "Linked" not in await call(door)
    assert "- Evaluator Evidence: none" in written(door)


@pytest.mark.parametrize(
    ("left_out", "named"), [({"impact": ""}, "impact"), ({"alternatives": ("none",)}, "alternatives"), ({"scope": "n/a"}, "scope")]
)  # fmt: skip
async def test_what_fails_the_three_part_test_is_a_note_and_no_decision(
    door: Door, left_out: dict[str, Any], named: str
) -> None:
    with pytest.raises(Refused, match=named) as caught:
        await call(door, **left_out)
    assert "PHR" in caught.value.hint
    assert not (door.workspace.settings.root / "history").exists()


async def test_a_decision_is_recorded_once(door: Door) -> None:
    await call(door)
    before = written(door)
    with pytest.raises(Refused, match=r"0001-use-uuid-primary-keys\.md has this title already"):
        await call(door, title="Use UUID primary keys!", decision="another text")
    assert written(door) == before


@pytest.mark.parametrize(
    ("there", "number"), [("0007-x.md", "0008"), ("003-x.md", "004"), ("ADR-012-x.md", "013"), ("20250101-x.md", "0001")]
)  # fmt: skip
async def test_numbers_go_on_as_the_folder_has_them(door: Door, there: str, number: str) -> None:
    folder = door.workspace.settings.root / "history/adr"
    folder.mkdir(parents=True)
    (folder / there).write_text("# old\n")
    assert f"✅ ADR-{number} written" in await call(door)


async def test_the_projects_own_template_is_used(door: Door) -> None:
    place = door.workspace.settings.root / ".specify/templates"
    place.mkdir(parents=True)
    (place / "adr-template.md").write_text(
        "# {{TITLE}} ({{ID}})\n- **Status:** Proposed | Accepted | Superseded | Rejected\nFor {{FEATURE_NAME}}, {{UNHEARD_OF}}\n\n{{DECISION}}\n"
    )
    await call(door, status="Accepted")
    assert written(door).startswith(
        "# Use UUID primary keys (0001)\n- **Status:** Accepted\nFor none, none\n\nEvery table has"
    )


async def test_a_template_that_cannot_carry_a_decision_is_named_and_ours_is_used(door: Door) -> None:
    place = door.workspace.settings.root / "templates"
    place.mkdir()
    (place / "adr-template.md").write_text("# {{TITLE}}\n")
    assert "templates/adr-template.md has no {{DECISION}}; the built-in template was used." in await call(door)
    assert "## Decision" in written(door)


async def test_a_text_that_looks_like_a_placeholder_or_a_heading_stays_what_it_is(door: Door) -> None:
    await call(door, decision="Keep {{TITLE}} as it is.\n# not a heading", positive=("{{ID}} stays",))
    assert "Keep {{TITLE}} as it is.\n# not a heading" in written(door)
    assert "```text\nKeep" in written(door)
    assert "- {{ID}} stays" in written(door)


async def test_secrets_are_hidden(door: Door) -> None:
    await call(door, context="We use postgresql://app:correct-horse@db.example.org/todo.")
    assert "correct-horse" not in written(door)


async def test_an_unknown_feature_is_refused_before_anything_is_written(door: Door) -> None:
    with pytest.raises(NotFound):
        await call(door, feature="7")
    assert not (door.workspace.settings.root / "history/adr").exists()


async def test_a_folder_that_leads_out_of_the_project_is_refused(
    door: Door, tmp_path_factory: pytest.TempPathFactory
) -> None:
    away = tmp_path_factory.mktemp("away")
    (door.workspace.settings.root / "history").mkdir()
    (door.workspace.settings.root / "history/adr").symlink_to(away)
    with pytest.raises(Refused, match="leads out of the project"):
        await call(door)
    assert list(away.iterdir()) == []


async def test_the_runs_since_the_last_record_are_its_evidence(door: Door) -> None:
    door.workspace.ledger.append("inspect_schema", {"source": "models"}, "12 tables", milliseconds=3)
    await call(door)
    assert "## Evidence (dbarch runs)" in written(door)
    assert "inspect_schema(source=models)" in written(door)
    assert CONTRACT.asks
