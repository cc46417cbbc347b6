"""The shell door: words, options, exit codes, what is printed where."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from mcp_server.cli import build, main
from mcp_server.operations import OPERATIONS
from mcp_server.world.sandbox import Sandboxes
from tests.sample_operations import PASSWORD, SAMPLES

ROOT = Path(__file__).resolve().parent.parent
# A shell starts what runs in the background with SIGINT ignored, and children inherit that.
SAMPLE_PROGRAM = (
    "import signal, sys; sys.path.insert(0, {root!r}); signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from mcp_server import cli; from tests.sample_operations import SAMPLES;"
    "cli.OPERATIONS = SAMPLES; cli.main()"
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, whose database nobody answers at."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DBARCH_CACHE_DIR", str(cache))
    monkeypatch.setenv("DBARCH_DATABASE_URL", f"postgresql://app:{PASSWORD}@127.0.0.1:1/app")
    return tmp_path


def run(*words: str) -> int:
    """Carry out a line on the sample operations; its exit code."""
    with pytest.raises(SystemExit) as end:
        build(SAMPLES)(args=list(words), prog_name="dbarch")
    assert isinstance(end.value.code, int)
    return end.value.code


def test_options_follow_the_signature(capsys: pytest.CaptureFixture[str]) -> None:
    line = ("echo", "ho", "--times", "2", "--tags", "a", "--tags", "b", "--renames", "x=y=z", "--dry-run", "--json")
    assert run(*line) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"said": "ho ho a b", "detail": "short", "renames": {"x": "y=z"}, "write": False}


def test_text_is_printed_without_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("echo", "ho") == 0
    assert capsys.readouterr() == ("ho\n", "")


@pytest.mark.parametrize("word", ["hold-sandbox", "hold_sandbox"])
def test_a_command_has_both_spellings(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(word, "--help") == 0
    assert "Hold a throw-away database until cancelled." in capsys.readouterr().out


def test_help_tells_what_the_docstring_tells(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("echo", "--help") == 0
    told = capsys.readouterr().out
    for words in ("Say a text again.", "It changes nothing.", "how often, from 1.", "words to add.", "OLD=NEW"):
        assert words in told


def test_a_dash_reads_stdin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("from afar"))
    assert run("echo", "-") == 0
    assert capsys.readouterr().out == "from afar\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("find", "--count", "0"), 0),
        (("find", "--count", "2"), 1),
        (("refuse",), 2),
        (("crash",), 3),
        (("echo",), 2),
        (("echo", "a", "--detail", "huge"), 2),
        (("echo", "a", "--renames", "x"), 2),
        (("nonsense",), 2),
    ],
)
def test_the_exit_code_says_how_it_went(line: Sequence[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*line) == code
    said = capsys.readouterr()
    assert (said.err != "") == (code > 1)


def test_an_expected_error_is_two_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    run("refuse")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "error: postgresql://app:***@db/app cannot be used.\nName another.\n"


def test_an_error_is_data_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("refuse", "--json") == 2
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "error": {
            "kind": "ConfigError",
            "message": "postgresql://app:***@db/app cannot be used.",
            "hint": "Name another.",
        }
    }


def test_debug_shows_the_traceback_without_the_secret(capsys: pytest.CaptureFixture[str]) -> None:
    run("crash", "--debug")
    told = capsys.readouterr().err
    assert "in crash" in told
    assert PASSWORD not in told


def test_a_call_leaves_its_line_in_the_ledger(project: Path) -> None:
    run("echo", "ho")
    (line,) = (project / ".dbarch/ledger.jsonl").read_text().splitlines()
    assert json.loads(line)["tool"] == "echo"


def test_a_project_can_be_named(project: Path) -> None:
    (project / "other").mkdir()
    run("echo", "ho", "--project", "other")
    assert (project / "other/.dbarch/ledger.jsonl").is_file()


def test_the_report_of_a_run_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run("fill", "1")
    capsys.readouterr()
    assert run("show-run", "dbarch://runs/r0ot") == 0
    assert capsys.readouterr().out == "the whole report\n"
    assert run("show-run", "never-was") == 2


def test_an_address_to_serve_at_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("serve", "--http", "0.0.0.0:0") == 2
    assert "no log-in" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--version"], ["show-run", "--help"], ["inspect-schema", "--help"]])
def test_main_ends_the_process(words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 0


def test_every_operation_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = capsys.readouterr().out
    for operation in OPERATIONS:
        assert operation.name.replace("_", "-") in listed


def sample_process(*words: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", SAMPLE_PROGRAM.format(root=str(ROOT)), *words]
    return subprocess.Popen(command, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.anyio
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupt_drops_the_sandbox(
    number: signal.Signals, sandboxes: Sandboxes, project: Path, cache: Path
) -> None:
    before = set(await sandboxes._names())
    with sample_process("hold-sandbox", cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        with anyio.fail_after(60):
            while not (made := {n for n in await sandboxes._names() if f"_{process.pid}_" in n} - before):
                await anyio.lowlevel.checkpoint()
        process.send_signal(number)
        _, errors = await anyio.to_thread.run_sync(process.communicate)
    assert process.returncode == 130
    assert errors == b"interrupted\n"
    assert not made & set(await sandboxes._names())


def test_a_reader_that_leaves_is_no_error(project: Path) -> None:
    process = sample_process("fill", "100000", cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    process.stderr.close()
    process.wait(30)
    assert errors == b""


def test_progress_and_colours_are_for_terminals_only(project: Path) -> None:
    plain = sample_process("step", cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert plain.communicate() == (b"stepped\n", b"")
    ours, theirs = pty.openpty()
    process = sample_process(
        "step", cwd=project, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    assert process.communicate()[0] == b"stepped\n"
    os.close(ours)
    assert b"third (90%)" in said


def test_doctor_names_each_fault_with_its_next_step(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "pyproject.toml").write_text("[tool.dbarch]\nmodel = 'x'\n")
    assert run("doctor", "--json") == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["python"]["state"] == "good"
    assert checks["packages"]["found"].count("mcp ") == 1
    assert checks["project"]["state"] == "good"
    assert "did you mean `models`" in checks["settings"]["found"]
    assert checks["models"]["state"] == "absent"
    assert checks["migrations"]["state"] == "absent"
    assert checks["database"]["state"] == "bad"
    assert PASSWORD not in json.dumps(checks)
    assert checks["database"]["next"]
    assert checks["sandbox"]["state"] == "good"
    monkeypatch.delenv("DBARCH_DATABASE_URL")
    (project / "pyproject.toml").write_text("")
    assert run("doctor") == 0
    assert "all is well" in capsys.readouterr().out


def test_dev_keeps_a_database_until_it_is_interrupted(project: Path, cache: Path) -> None:
    process = sample_process("dev", cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    url = ""
    while not url:
        line = process.stdout.readline().decode()
        assert line, process.stderr.read() if process.stderr else ""
        url = line.partition("DATABASE_URL=")[2].strip()
    count = subprocess.run(
        [sys.executable, "-c", f"import psycopg; print(psycopg.connect({url!r}).execute('select 1').fetchone()[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert count.stdout == "1\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
