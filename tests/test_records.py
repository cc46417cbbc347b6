"""Prompt History Records: where they go, how they are numbered, that they read back unchanged."""

from __future__ import annotations

import os
import random
import re
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_server.errors import ConfigError, NotFound, Refused
from mcp_server.model.record import STAGES, Links, Outcome, Record
from mcp_server.redactor import Redactor
from mcp_server.world.ledger import Ledger
from mcp_server.world.phr_reading import read_record
from mcp_server.world.records import read_records
from tests.phr_files import go, start_writer, strictly, write

NAME = re.compile(r"\d+-[^<>:\"/\\|?*\x00-\x1f .]+\.(?:" + "|".join(STAGES) + r")\.prompt\.md")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "specs/001-todo").mkdir(parents=True)
    (tmp_path / "specs/001-todo/spec.md").write_text("# Todo\n")
    return tmp_path


def read_again(root: Path, path: str) -> Record:
    return next(record for record in read_records(root) if record.path == path)


@pytest.mark.parametrize("stage", STAGES)
def test_the_stage_decides_the_folder(project: Path, stage: str) -> None:
    written = write(project, stage=stage, feature="001-todo")
    folder = {"constitution": "constitution", "general": "general"}.get(stage, "001-todo")
    assert written.record.path == f"history/prompts/{folder}/0001-add-tags.{stage}.prompt.md"
    assert written.warnings == ()


def test_a_record_says_what_it_was_given(project: Path) -> None:
    written = write(
        project,
        stage="green",
        feature="001-todo",
        command="/sp.implement",
        labels=("tags", 'it\'s: "new"'),
        files=("@scope/a b.py", "c: d"),
        tests=("tests/test_tags.py::test_x[1-2]",),
        links=Links(ticket="#12", pr="https://example.org/pr/1"),
        response="Added a table.\nAnd a test.",
        outcome=Outcome(impact="tags work\nfor all", next_prompts="search by tag"),
    )
    data = strictly(project / written.record.path)
    assert data == {
        "id": "0001", "title": "Add tags", "stage": "green", "date": written.record.date, "surface": "agent",
        "model": "unspecified", "feature": "001-todo", "branch": "none", "user": "Ada", "command": "/sp.implement",
        "labels": ["tags", "it's: \"new\""],
        "links": {"spec": "specs/001-todo/spec.md", "ticket": "#12", "adr": None, "pr": "https://example.org/pr/1"},
        "files": ["@scope/a b.py", "c: d"], "tests": ["tests/test_tags.py::test_x[1-2]"],
    }  # fmt: skip
    assert list(data) == [
        "id", "title", "stage", "date", "surface", "model", "feature", "branch", "user", "command", "labels", "links",
        "files", "tests",
    ]  # fmt: skip
    record = read_again(project, written.record.path)
    assert record.response == "Added a table.\nAnd a test."
    assert record.outcome.impact == "tags work\nfor all"
    assert record.outcome.next_prompts == "search by tag"
    assert record.files == written.record.files
    assert record.problems == ()


def test_headings_stand_in_the_usual_order(project: Path) -> None:
    text = (project / write(project).record.path).read_text()
    assert re.findall(r"^## .*$", text, re.MULTILINE) == [
        "## Prompt", "## Response snapshot", "## Outcome", "## Evaluation notes (flywheel)",
    ]  # fmt: skip


PROMPTS = st.one_of(
    st.text(min_size=1),
    st.lists(
        st.sampled_from([
            "## Response snapshot", "---", "```", "````text", "~~~", "{{TITLE}}", "{{ X }}", "[PROMPT_TEXT]", "# a", "<!--",
            "- a\n  - b", "id: 0010", "\r\n", "\r", "\t", " ", "", "é🙂", "שלום", "\u2028", "\u202e", "\x1b[31m", "| a | b |",
            "\ufeff", "===", "    code", "\\0 \\x41 \\u0041", "'\"`",
        ]),
        min_size=1,
    ).map("\n".join),
)  # fmt: skip
LINE = st.text(max_size=40)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=st.text(max_size=80), prompt=PROMPTS, stage=st.sampled_from(STAGES), response=st.one_of(LINE, PROMPTS),
    command=LINE, labels=st.lists(LINE, max_size=3), files=st.lists(LINE, max_size=3), spec=LINE, impact=PROMPTS,
)  # fmt: skip
def test_whatever_is_written_reads_back_unchanged(
    project: Path, title: str, prompt: str, stage: str, response: str, command: str, labels: list[str],
    files: list[str], spec: str, impact: str,
) -> None:  # fmt: skip
    written = write(
        project, title=title, prompt=prompt, stage=stage, feature="001-todo", response=response, command=command,
        labels=tuple(labels), files=tuple(files), links=Links(adr=spec), outcome=Outcome(impact=impact),
    )  # fmt: skip
    path = project / written.record.path
    record, data = written.record, strictly(path)
    assert written.warnings == ()
    assert NAME.fullmatch(path.name)
    assert len(path.name.encode()) < 250
    if written.hidden == 0:
        assert record.prompt == re.sub("[\x00\ud800-\udfff]", "\ufffd", prompt)
    assert record.prompt in path.read_bytes().decode()
    assert data["id"] == path.name.partition("-")[0]
    for key in ("title", "stage", "date", "user"):
        assert data[key] == getattr(record, key)
    assert data["command"] == (record.command or "none")
    assert data["labels"] == list(record.labels)
    assert data["files"] == (list(record.files) or ["none"])
    assert data["links"]["adr"] == (record.links.adr or None)
    again = read_record(path, project)
    assert again.prompt == record.prompt
    assert again.response == (record.response or "not recorded")
    assert again.problems == ()
    path.unlink()


def test_ten_writers_at_once_get_ten_numbers_each(tmp_path: Path) -> None:
    writers = [start_writer(tmp_path, f"writer{number}", 8) for number in range(10)]
    for writer in writers:
        go(writer)
    paths = [line for writer in writers for line in writer.communicate()[0].split()]
    assert all(writer.returncode == 0 for writer in writers)
    ids = sorted(int(strictly(tmp_path / path)["id"]) for path in paths)
    assert ids == list(range(1, 81))
    assert sorted(paths) == sorted(record.path for record in read_records(tmp_path))


def test_without_a_lock_numbers_are_distinct_all_the_same(tmp_path: Path) -> None:
    (tmp_path / ".dbarch").write_text("not a folder, so there is no place for a lock")
    writers = [start_writer(tmp_path, f"writer{number}", 5) for number in range(10)]
    for writer in writers:
        go(writer)
    paths = [line for writer in writers for line in writer.communicate()[0].split()]
    ids = [int(Path(path).name.partition("-")[0]) for path in paths]
    assert len(set(ids)) == 50
    names = sorted(entry.name for entry in (tmp_path / "history/prompts/general").iterdir())
    assert names == sorted(Path(path).name for path in paths)


def test_a_writer_killed_at_any_moment_leaves_whole_records_and_nothing_else(tmp_path: Path) -> None:
    moments = random.Random(7)
    for round_ in range(3):
        writers = [start_writer(tmp_path, f"writer{round_}{number}", 10_000) for number in range(4)]
        for writer in writers:
            go(writer)
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
            deadline = time.monotonic() + moments.uniform(0, 0.1)
            while time.monotonic() < deadline:
                pass
            writer.kill()
            writer.communicate()
    for path in (tmp_path / "history").rglob("*"):
        if path.is_file():
            assert NAME.fullmatch(path.name)
            assert strictly(path)["id"] == path.name.partition("-")[0]
            assert path.read_text().endswith("- Next experiment (smallest change to try): not recorded\n")
    for draft in (tmp_path / ".dbarch/tmp").iterdir():
        os.utime(draft, (0, 0))
    write(tmp_path)
    assert list((tmp_path / ".dbarch/tmp").iterdir()) == []


def test_secrets_are_hidden_and_the_rest_of_the_prompt_stays(project: Path) -> None:
    ledger = Ledger(project, Redactor(["correct-horse"]))
    written = write(
        project, ledger, prompt="use postgresql://app:hunter22@db/todo\nor correct-horse, then {{TITLE}}", title="Use npg_AbC123xyz890"
    )  # fmt: skip
    text = (project / written.record.path).read_text()
    assert "use postgresql://app:***@db/todo\nor ***, then {{TITLE}}" in text
    assert "hunter22" not in text
    assert "AbC123xyz890" not in written.record.path
    assert written.hidden == 2


def test_the_runs_since_the_last_record_are_its_evidence(project: Path) -> None:
    ledger = Ledger(project)
    ledger.append("inspect_schema", {"source": "live"}, "7 tables", milliseconds=12, carried_out={"queries": 1})
    ledger.append("explain_query", {"sql": "select `x` from t"}, "no [finding]", reports=("ab12",))
    first = write(project, ledger)
    ledger.append("write_phr", {}, "PHR-0001")
    text = (project / first.record.path).read_text()
    evidence = text.partition("## Evidence (dbarch runs)\n\n")[2].splitlines()
    assert len(evidence) == 2
    assert "`inspect_schema(source=live)` 12 ms: 7 tables; 1 queries" in evidence[0]
    assert "`explain_query(sql=select 'x' from t)`" in evidence[1]
    assert "report dbarch://runs/ab12" in evidence[1]
    assert "## Evidence" not in (project / write(project, Ledger(project)).record.path).read_text()
    ledger.append("inspect_schema", {}, "8 tables")
    assert "8 tables" in (project / write(project, Ledger(project)).record.path).read_text()


def test_many_runs_are_bounded_and_said_to_be(project: Path) -> None:
    ledger = Ledger(project)
    for number in range(30):
        ledger.append("inspect_schema", {}, f"run {number}")
    text = (project / write(project, ledger).record.path).read_text()
    assert "- 10 earlier runs are left out." in text
    assert "run 29" in text
    assert ": run 9 " not in text


def test_a_folder_that_cannot_be_made_is_an_error_and_nothing_is_written(project: Path) -> None:
    (project / "history").write_text("a file")
    with pytest.raises(ConfigError, match="Nothing was recorded"):
        write(project)


def test_a_prompts_folder_that_leads_out_of_the_project_is_refused(project: Path) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        (project / "history/prompts").mkdir(parents=True)
        (project / "history/prompts/001-todo").symlink_to(elsewhere)
        with pytest.raises(Refused, match="out of the project"):
            write(project, stage="green", feature="001-todo")
        assert os.listdir(elsewhere) == []


def test_the_branch_and_the_user_are_those_of_the_repository(project: Path) -> None:
    for words in (("init", "-qb", "001-todo"), ("config", "user.name", "Grace: Hopper")):
        subprocess.run(("git", *words), cwd=project, check=True)
    record = write(project, stage="plan", environ={}).record
    assert (record.feature, record.branch, record.user) == ("001-todo", "001-todo", "Grace: Hopper")
    assert strictly(project / record.path)["user"] == "Grace: Hopper"


def test_a_worktree_s_branch_is_its_own(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    tree = tmp_path_factory.mktemp("trees") / "tree"
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for words in (
        ("init", "-qb", "main"),
        ("commit", "-qm", "x", "--allow-empty"),
        ("worktree", "add", "-qb", "topic", tree),
    ):
        subprocess.run(("git", *author, *words), cwd=project, check=True)  # fmt: skip
    assert write(tree).record.branch == "topic"
    subprocess.run(("git", "checkout", "-q", "--detach"), cwd=tree, check=True)
    assert re.fullmatch(r"detached at [0-9a-f]{12}", write(tree).record.branch)


def test_a_missing_feature_is_asked_for_and_nothing_is_written(project: Path) -> None:
    with pytest.raises(NotFound, match="001-todo"):
        write(project, stage="green")
    assert not (project / "history").exists()
