"""The words of records: numbers, names of files, stages, and when a decision is worth an ADR."""

from __future__ import annotations

import pytest

from mcp_server.model.record import Links, Record, context_of, nearest_stage, suggest_adr
from mcp_server.world.phr_names import next_id, slug


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "0001"),
        (["0001-a.spec.prompt.md", "0009-b.plan.prompt.md"], "0010"),
        (["001-a.spec.prompt.md", "002-b.plan.prompt.md", "0003-c.misc.prompt.md"], "004"),
        (["1-a.spec.prompt.md", "9-b.plan.prompt.md"], "10"),
        (["PHR-0007-a.spec.prompt.md"], "0008"),
        (["999-a.spec.prompt.md"], "1000"),
        (["20251208123000-a.spec.prompt.md", "0002-b.misc.prompt.md"], "0003"),
        (["00012-a.spec.prompt.md"], "00013"),
        (["README.md", "notes-0099.md", "٣-a.spec.prompt.md"], "0001"),
    ],
)
def test_the_next_number_follows_the_highest_in_the_folder_s_own_width(names: list[str], expected: str) -> None:
    assert next_id(iter(names)) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Add tags", "add-tags"),
        ("Ünïcode — Títle", "unicode-title"),
        ("Straße, Łódź & Ærø", "strasse-lodz-aero"),
        ("Добавить теги", "добавить-теги"),
        ("タグを追加", "タグを追加"),
        ("हिन्दी", "हिन्दी"),
        ("ＣＯＮ", "con"),
        ("../../etc/passwd", "etc-passwd"),
        ("a<b>c:d|e?f*g", "a-b-c-d-e-f-g"),
        ("🎉🎉", "untitled"),
        ("...", "untitled"),
        ("word " * 40, "word-word-word-word-word-word-word-word-word-word-word-word"),
        ("x" * 200, "x" * 60),
        ("\U00020000" * 80, "\U00020000" * 37),
    ],
)
def test_a_title_becomes_a_name_that_every_system_can_have(title: str, expected: str) -> None:
    assert slug(title) == expected


@pytest.mark.parametrize(
    ("word", "stage"),
    [("implementation", "green"), ("implement", "green"), ("debugging", "red"), ("documentation", "explainer"),
     ("clarify", "spec"), ("analysis", "misc"), ("checklist", "misc"), ("git.commit_pr", "misc"), ("Plan", "plan"),
     ("refactoring", "refactor"), ("completion", "green"), ("features", "green"), ("zzz", "misc"), ("", "misc")],
)  # fmt: skip
def test_free_words_are_read_as_the_nearest_stage(word: str, stage: str) -> None:
    assert nearest_stage(word) == stage
    assert context_of(stage) in ("feature", "general", "constitution")


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Add a tags table", "a new table"),
        ("Switch ids to UUID primary keys", "primary keys of another type"),
        ("Partition the events by month", "partitioned storage"),
        ("Denormalise the totals", "denormalised data"),
        ("Use a GIN index for search", "an index strategy"),
    ],
)
def test_a_decision_about_the_database_suggests_an_adr(title: str, expected: str) -> None:
    record = Record(title=title, stage="green", prompt="x")
    assert suggest_adr(record) == (f"📋 Architectural decision detected: {expected}. Document? Run /sp.adr {title}.")


def test_ordinary_work_and_documented_decisions_suggest_nothing() -> None:
    assert suggest_adr(Record(title="Fix a typo", stage="green", prompt="add a table")) == ""
    assert suggest_adr(Record(title="Add a tags table", stage="explainer", prompt="x")) == ""
    assert suggest_adr(Record(title="Add a tags table", stage="green", prompt="x", links=Links(adr="a.md"))) == ""
