"""The ledger: one line a call, redacted and bounded, whole among processes, and never in the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.errors import NotFound
from mcp_server.redactor import Redactor
from mcp_server.world import ledger as module
from mcp_server.world.files import locked
from mcp_server.world.ledger import LIMIT, LINE, Ledger

APPENDER = """
import sys
from pathlib import Path
from mcp_server.world.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    ledger.append("tool", {"text": "x" * 250}, f"{sys.argv[2]} {number}")
"""


def lines(root: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (root / ".dbarch/ledger.jsonl").read_text().splitlines()]


def test_a_call_leaves_one_line(tmp_path: Path) -> None:
    run = Ledger(tmp_path).append(
        "explain_query",
        {"sql": "select 1", "analyze": False, "indexes": ["a", "b"], "params": {"id": 7}},
        "Seq Scan\non task",
        milliseconds=12.6,
        carried_out={"statements": 3},
        reports=["ab12cd34"],
    )
    (line,) = lines(tmp_path)
    assert line == {
        "at": run.at, "run": run.id, "tool": "explain_query", "verdict": "Seq Scan on task", "ms": 13,
        "did": {"statements": 3}, "reports": ["ab12cd34"],
        "arguments": {"sql": "select 1", "analyze": False, "indexes": ["a", "b"], "params": {"id": 7}},
    }  # fmt: skip
    assert Ledger(tmp_path).runs() == (run,)
    assert Ledger(tmp_path).run(run.id) == run


def test_the_ledger_never_gets_committed(tmp_path: Path) -> None:
    Ledger(tmp_path).append("tool")
    subprocess.run(("git", "init", "-q"), cwd=tmp_path, check=True)
    status = subprocess.run(("git", "status", "--porcelain"), cwd=tmp_path, check=True, capture_output=True)
    assert status.stdout == b""


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_a_link_in_the_project_leads_no_line_to_another_file(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    (root / ".dbarch").mkdir(parents=True)
    for name, target in (("ledger.jsonl", "profile"), (".gitignore", "new"), ("lock", "made")):
        (root / ".dbarch" / name).symlink_to(outside / target)
    (outside / "profile").write_text("mine")
    ledger = Ledger(root)
    ledger.append("tool")
    with locked(ledger.lock) as alone:
        assert not alone
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("profile", "mine")]
    assert len(ledger.runs()) == 1
    assert "cannot be written" in ledger.complaint()


@pytest.mark.skipif(sys.platform == "win32", reason="needs symbolic links")
def test_a_ledger_whose_folder_leads_out_of_the_project_is_kept_in_memory(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "project"
    outside.mkdir()
    root.mkdir()
    (root / ".dbarch").symlink_to(outside)
    ledger = Ledger(root)
    ledger.append("tool")
    assert list(outside.iterdir()) == []
    assert "leads out of the project" in ledger.complaint()


def test_secrets_do_not_reach_the_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, Redactor(["correct-horse"]))
    ledger.append(
        "tool",
        {
            "url": "postgresql://u:hunter22@h/db",
            "password": "plain",
            "deep": [{"api_key": "k", "text": "a correct-horse"}],
            "cut": "x" * 290 + " npg_AbC123xyz890",
        },
        "could not log in with correct%2Dhorse",
    )
    text = (tmp_path / ".dbarch/ledger.jsonl").read_text()
    for secret in ("hunter22", "plain", '"k"', "correct", "AbC"):
        assert secret not in text


def test_a_line_is_bounded_whatever_it_is_given(tmp_path: Path) -> None:
    huge = {
        "text": "é" * 100_000,
        "many": list(range(10_000)),
        "deep": [[[[[[["x"]]]]]]],
        "path": tmp_path,
        "wide": {f"key{number}": "y" * 1000 for number in range(1000)},
        "half": "\ud800",
        "lines": "a\nb\u2028c",
    }
    run = Ledger(tmp_path).append("tool", huge, "v" * 100_000)
    assert len((tmp_path / ".dbarch/ledger.jsonl").read_bytes()) <= LINE
    assert run.verdict.endswith("(20000 characters)")
    assert Ledger(tmp_path).runs()[0].id == run.id
    small = Ledger(tmp_path).append("tool", {"text": "é" * 1000, "many": list(range(25))})
    assert small.arguments == {"text": "é" * 300 + "… (1000 characters)", "many": [*range(20), "… 5 more"]}


def test_runs_since_a_marker_are_those_after_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first, second, third = (ledger.append("tool", verdict=str(number)) for number in range(3))
    assert ledger.since() == (first, second, third)
    assert ledger.since(first.id) == (second, third)
    assert ledger.since(third.id) == ()
    assert ledger.since("gone") == (first, second, third)
    assert ledger.marker == ""
    ledger.mark(second.id)
    assert Ledger(tmp_path).since(Ledger(tmp_path).marker) == (third,)


def test_a_run_that_is_not_known_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no run abc"):
        Ledger(tmp_path).run("abc")


def test_lines_of_ten_processes_never_mix(tmp_path: Path) -> None:
    appenders = [
        subprocess.Popen(
            (sys.executable, "-c", APPENDER, str(tmp_path), f"p{number}", "100"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(10)
    ]
    for appender in appenders:
        assert appender.stdout is not None
        appender.stdout.readline()
    for appender in appenders:
        appender.communicate("\n")
    assert sorted(str(line["verdict"]) for line in lines(tmp_path)) == sorted(
        f"p{number} {turn}" for number in range(10) for turn in range(100)
    )


def test_a_full_ledger_becomes_the_older_one_and_no_run_is_lost_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT", 20_000)
    ledger = Ledger(tmp_path)
    runs = [ledger.append("tool", {"text": "x" * 250}, str(number)) for number in range(200)]
    sizes = {path.name: path.stat().st_size for path in (tmp_path / ".dbarch").glob("*.jsonl")}
    assert sizes.keys() == {"ledger.jsonl", "ledger.1.jsonl"}
    assert max(sizes.values()) < 20_000 + LINE < LIMIT
    kept = ledger.runs()
    assert kept == tuple(runs[-len(kept) :])
    assert len(kept) > 40


def test_lines_that_cannot_be_read_are_passed_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = ledger.append("tool")
    with open(ledger.path, "ab") as file:
        file.write(b'\xff{"run": 1\n[]\n{"run":"x"}\n{"run":"x","at":"","tool":"t","ms":"no"}\n\n7\n')
    second = ledger.append("tool")
    assert ledger.runs() == (first, second)


@pytest.mark.parametrize("obstacle", ["a file", "no project"])
def test_a_project_that_cannot_be_written_fails_no_call_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: str
) -> None:
    root = tmp_path if obstacle == "a file" else tmp_path / "gone"
    if obstacle == "a file":
        (tmp_path / ".dbarch").write_text("in the way")
    ledger = Ledger(root)
    runs = tuple(ledger.append("tool", verdict=str(number)) for number in range(3))
    ledger.mark(runs[0].id)
    assert ledger.runs() == runs
    assert len(caplog.records) == 1
    assert "cannot be written" in ledger.complaint()
    assert ledger.complaint() == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_fails_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NO_LINK", 0)
    ledger = Ledger(tmp_path)
    ledger.prepared()
    os.symlink("/dev/full", ledger.path)
    run = ledger.append("tool")
    assert "No space left" in ledger.problem
    assert ledger.since()[-1] == run
