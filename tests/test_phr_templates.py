"""The project's own PHR template is filled whatever it looks like, or ours is used and that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_server.model.record import Links, Outcome
from mcp_server.world.phr_reading import read_record
from mcp_server.world.phr_template import BUILT_IN
from tests.phr_files import strictly, write

# The form of early releases: inline lists, other names, headings of the first level.
INLINE = """\
---
id: {{ID}}
title: {{TITLE}}   # what it is about
stage: '{{STAGE}}'
date: {{DATE_ISO}}
feature: "{{FEATURE}}"
labels: {{LABELS_YAML}}
links:
  spec: {{SPEC_LINK}}
  pr: {{PR_LINK}}
files: {{FILES_YAML}}
tests: [{{TESTS_YAML}}]
both: [{{LABELS}}, dbarch]
summary: PHR {{ID}} is "{{TITLE}}"
block: |
  {{PROMPT_TEXT}}
---

# Prompt

{{PROMPT_TEXT}}

# Response

> {{RESPONSE_TEXT}}

# Outcome

{{OUTCOME}}, by {{ USER }}: {{FILES_CHANGED}}
"""
OLD = BUILT_IN.partition("\n## Evaluation notes")[0]


def with_template(root: Path, text: str, place: str = ".specify/templates") -> Path:
    path = root / place / "phr-template.prompt.md"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode())
    return root


def test_the_project_s_template_comes_before_ours(tmp_path: Path) -> None:
    with_template(tmp_path, OLD + "\n\n## Local\n\nkept as it is: [a](b) [x] TEXT[] [TODO]\n")
    written = write(tmp_path)
    text = (tmp_path / written.record.path).read_text()
    assert written.template == ".specify/templates/phr-template.prompt.md"
    assert written.warnings == ()
    assert text.endswith("\n## Local\n\nkept as it is: [a](b) [x] TEXT[] [TODO]\n")
    assert "Evaluation notes" not in text
    assert strictly(tmp_path / written.record.path)["id"] == "0001"


def test_the_older_place_of_the_template_is_known(tmp_path: Path) -> None:
    assert write(with_template(tmp_path, OLD, "templates")).template == "templates/phr-template.prompt.md"


def test_a_template_of_another_form_is_filled_too(tmp_path: Path) -> None:
    written = write(
        with_template(tmp_path, INLINE),
        title='Say "hello": twice',
        labels=("a, b", "c"),
        files=("x.py",),
        links=Links(pr="#7"),
        prompt="line one\n{{TITLE}}\n# three",
        response="first\nsecond",
        outcome=Outcome(impact="all is well"),
    )
    path = tmp_path / written.record.path
    assert written.warnings == ()
    assert strictly(path) == {
        "id": "0001", "title": 'Say "hello": twice', "stage": "general", "date": written.record.date, "feature": "none",
        "labels": ["a, b", "c"], "links": {"spec": None, "pr": "#7"}, "files": ["x.py"], "tests": [],
        "both": ["a, b", "c", "dbarch"], "summary": 'PHR 0001 is "Say "hello": twice"',
        "block": "line one\n{{TITLE}}\n# three",
    }  # fmt: skip
    text = path.read_text()
    assert "# what it is about" in text
    assert "> first\n  second\n" in text
    assert text.endswith("all is well, by Ada: x.py\n")
    assert read_record(path, tmp_path).prompt == "line one\n{{TITLE}}\n# three"


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    written = write(with_template(tmp_path, "\ufeff" + OLD.replace("\n", "\r\n")), prompt="a\r\nb")
    assert written.warnings == ()
    assert strictly(tmp_path / written.record.path)["title"] == "Add tags"
    assert read_record(tmp_path / written.record.path, tmp_path).prompt == "a\r\nb"


def test_placeholders_in_brackets_are_filled(tmp_path: Path) -> None:
    written = write(
        with_template(tmp_path, OLD.replace("{{", "[").replace("}}", "]").replace("[[LABELS]]", "[LABELS]"))
    )
    assert written.warnings == ()
    assert read_record(tmp_path / written.record.path, tmp_path).prompt == "please add tags"


def test_unknown_placeholders_are_said_and_left_empty(tmp_path: Path) -> None:
    template = OLD.replace("---\n\n", "sha: {{SHA_BEFORE}}\nmore:\n  {{MORE}}\n---\n\n", 1) + "\n- Mood: {{MOOD}}\n"
    written = write(with_template(tmp_path, template))
    text = (tmp_path / written.record.path).read_text()
    assert "{{" not in text
    assert strictly(tmp_path / written.record.path)["sha"] is None
    assert text.endswith("- Mood: none\n")
    (warning,) = written.warnings
    assert "{{SHA_BEFORE}}, {{MORE}}, {{MOOD}}" in warning


def test_unknown_placeholders_take_what_the_author_gives(tmp_path: Path) -> None:
    template = OLD + "\n- Mood: {{mood}}\n"
    written = write(with_template(tmp_path, template), outcome=Outcome(more=(("MOOD", "good {{ID}}"),)))
    assert written.warnings == ()
    assert (tmp_path / written.record.path).read_text().endswith("- Mood: good {{ID}}\n")


def test_a_prompt_in_the_template_s_own_fence_stays_bare(tmp_path: Path) -> None:
    template = OLD.replace("{{PROMPT_TEXT}}", "```text\n{{PROMPT_TEXT}}\n```")
    written = write(with_template(tmp_path, template), prompt="# a\n\nb")
    assert "\n```text\n# a\n\nb\n```\n" in (tmp_path / written.record.path).read_text()
    assert read_record(tmp_path / written.record.path, tmp_path).prompt == "# a\n\nb"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("", "has no front matter"),
        ("# A note\n\n{{PROMPT_TEXT}}\n", "has no front matter"),
        ("---\nid: {{ID}}\n\n{{PROMPT_TEXT}}\n", "has no front matter"),
        ('---\nname: "BackendFix"\nmodel: "x"\n---\n\nFix the following errors.\n', "has no {{PROMPT_TEXT}}"),
        ("---\nid: {{ID}}\nbroken: [\n---\n\n{{PROMPT_TEXT}}\n", "front matter that is no YAML"),
        ("---\nid: 7\ntitle: {{TITLE}}\n---\n\n{{PROMPT_TEXT}}\n", "whose `id` is not the record's"),
        ("---\n- {{ID}}\n---\n\n{{PROMPT_TEXT}}\n", "no mapping"),
        ("x" * 300_000, "too large"),
    ],
)
def test_a_template_that_cannot_carry_a_record_is_replaced_and_that_is_said(
    tmp_path: Path, template: str, reason: str
) -> None:
    written = write(with_template(tmp_path, template))
    assert written.template == "built in"
    assert reason in written.warnings[0]
    assert strictly(tmp_path / written.record.path)["title"] == "Add tags"
    assert read_record(tmp_path / written.record.path, tmp_path).prompt == "please add tags"


def test_a_template_that_is_no_text_is_replaced(tmp_path: Path) -> None:
    path = with_template(tmp_path, "x") / ".specify/templates/phr-template.prompt.md"
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in write(tmp_path).warnings[0]


def test_front_matter_without_a_title_is_said(tmp_path: Path) -> None:
    written = write(
        with_template(tmp_path, "---\nid: {{ID}}\ndate: {{DATE_ISO}}\n---\n\n## Prompt\n\n{{PROMPT_TEXT}}\n")
    )
    assert written.template == ".specify/templates/phr-template.prompt.md"
    assert written.warnings == ("The template's front matter has no title, stage.",)
