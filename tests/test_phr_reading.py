"""Records that others wrote are read, however broken."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_server.errors import NotFound
from mcp_server.model.record import STAGES, Record
from mcp_server.world.phr_reading import parse_record, read_record
from mcp_server.world.records import read_records

PATH = "history/prompts/001-todo/0010-add-tags.green.prompt.md"
BODY = "\n## Prompt\n\nadd tags\n\n## Response snapshot\n\nDone.\n"


def parse(text: str, path: str = PATH) -> Record:
    return parse_record(text, path)


def test_the_id_comes_from_the_file_s_name_and_not_from_octal_yaml() -> None:
    record = parse("---\nid: 0010\ntitle: Add tags\nstage: green\ndate: 2025-11-22\n---\n" + BODY)
    assert (record.id, record.date, record.prompt, record.response) == ("0010", "2025-11-22", "add tags", "Done.")
    assert record.problems == ()


@pytest.mark.parametrize(
    "front",
    [
        "title: Fix: the colon\nstage: green\ncommand: @claude fix\nfiles:\n - src/a.py: changed\n - b.py\n",
        "title: Fix: the colon\nstage: green\ncommand: @claude fix\nfiles:\n- src/a.py: changed\n- b.py\nlinks:\n  spec: null\n",
        'title: "Fix: the colon"\nstage: green\ncommand: "@claude fix"\nfiles: ["src/a.py: changed", b.py]\nlinks: {{X}}: [\n',
    ],
)
def test_front_matter_that_is_no_yaml_is_read_line_by_line(front: str) -> None:
    record = parse(f"---\n{front}---\n{BODY}")
    assert (record.title, record.stage, record.command) == ("Fix: the colon", "green", "@claude fix")
    assert record.prompt == "add tags"
    assert "no YAML" in record.problems[0]


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("# Add tags\n" + BODY, "add tags"),
        ("---\nid: 1\ntitle: x\n" + BODY, "add tags"),
        ("just what was asked", "just what was asked"),
        ("", ""),
    ],
)
def test_records_without_front_matter_are_read(text: str, prompt: str) -> None:
    record = parse(text)
    assert (record.id, record.stage, record.feature, record.prompt) == ("0010", "green", "001-todo", prompt)
    assert record.problems == ("it has no front matter, or one that is not closed",)


def test_unfilled_placeholders_are_a_problem_of_the_record() -> None:
    record = parse("---\ntitle: x\nlabels: '{{LABELS}}'\nmodel: '{{MODEL}}'\n---\n" + BODY)
    assert record.problems == ("unfilled: LABELS, MODEL",)


@pytest.mark.parametrize(
    ("name", "stage"),
    [("0001-a.implementation.prompt.md", "green"), ("1-a.git.commit_pr.prompt.md", "misc"), ("PHR-0001-a.md", "misc")],
)
def test_free_form_stages_are_mapped(name: str, stage: str) -> None:
    record = parse(BODY, f"history/prompts/001-todo/{name}")
    assert record.stage == stage
    assert int(record.id) == 1


def test_headings_inside_of_a_prompt_belong_to_the_prompt() -> None:
    record = parse(
        "---\ntitle: x\n---\n\n## Prompt\n\n## Goal\n\ndo\n\n```\n## Response\n```\n\n## Response snapshot\n\nDone.\n"
    )
    assert record.prompt == "## Goal\n\ndo\n\n```\n## Response\n```"
    assert record.response == "Done."


def test_front_matter_may_hold_anything_at_all() -> None:
    deep = "a: " + "[" * 200_000
    assert parse(f"---\n{deep}\n---\n{BODY}").prompt == "add tags"
    assert parse(f"---\n- a\n- b\n---\n{BODY}").problems == ("the front matter is no mapping",)
    assert parse(f"---\nlinks: none\nfiles: a.py\nlabels: {{a: b}}\ntitle: [x]\n---\n{BODY}").files == ("a.py",)


FRAGMENTS = st.sampled_from([
    "---\n", "---", "\n", "id: 0010\n", "title: ", "{{X}}", "[", "- a\n", "&a ", "*a", "!!python/object:os.system ", "? ", "|\n",
    "## Prompt\n", "## Response\n", "```\n", "````text\n", "~~~\n", "- ✅ Impact: x\n", "  y\n", "# \n", "\ufeff", "\r\n", "\x00", "\t",
])  # fmt: skip


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(FRAGMENTS, st.text(max_size=5)), max_size=30).map("".join), st.text(max_size=30))
def test_any_text_under_any_name_is_read(text: str, name: str) -> None:
    record = parse(text, f"history/prompts/{name}")
    assert record.stage in STAGES


@pytest.mark.parametrize(
    "text",
    [
        "---\n" + "a: [" * 60_000 + "\n---\n" + BODY,
        "---\n" + "".join(f"key{number}: *a\n" for number in range(60_000)) + "---\n" + BODY,
        BODY + "- - - * _ \n" * 60_000,
        BODY + "```\n## Prompt\n```\n" * 30_000,
        BODY + "`" * 600_000,
    ],
)
def test_large_and_hostile_files_are_read_in_time(text: str) -> None:
    start = time.process_time()
    assert "add tags" in parse(text).prompt + parse(text).response
    assert time.process_time() - start < 10


def test_records_of_all_layouts_are_listed(tmp_path: Path) -> None:
    for name in (PATH, "docs/prompts/0001-a.spec.prompt.md", "specs/001-todo/prompts/0002-b.plan.prompt.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(BODY.encode() + b"\xff")
    assert [record.path for record in read_records(tmp_path)] == [
        PATH, "docs/prompts/0001-a.spec.prompt.md", "specs/001-todo/prompts/0002-b.plan.prompt.md",
    ]  # fmt: skip
    with pytest.raises(NotFound):
        read_record(tmp_path / "nothing.md", tmp_path)
