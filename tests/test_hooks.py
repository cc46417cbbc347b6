"""What the hooks tell: which check follows an edit, which work has no record, what a project holds. And they never get in the way."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOOKS = Path(__file__).resolve().parent.parent / "hooks"
SCRIPTS = ("allow_reading", "guard_shell", "guard_files", "suggest_check", "remind_record", "show_status")
TOOL = "mcp__plugin_dbarch_db__"
SECRET = "postgresql://app:w9Fk2" + "LqPz7@db.acme.io/app"


def run(script: str, text: str | bytes, **environ: str) -> dict[str, Any]:
    """What a hook prints for an input, {} for nothing."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", HOOKS / f"{script}.py"],
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", **environ},
    )
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    said: dict[str, Any] = json.loads(done.stdout) if done.stdout else {}
    return said


def context(said: dict[str, Any]) -> str:
    return str(said.get("hookSpecificOutput", {}).get("additionalContext", ""))


# Nothing gets in the way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(
    "text",
    [b"", b"no json", b"\xff\xfe", b"null", b"[]", b"{}", b'{"tool_name": 7}', b"[" * 5_000, b'{"cwd": "/no/where"}'],
)
def test_what_is_no_event_passes(script: str, text: bytes) -> None:
    assert run(script, text) == {}


WORDS = st.sampled_from(
    [
        "Bash",
        "Write",
        "Edit",
        "NotebookEdit",
        f"{TOOL}inspect_schema",
        "dbarch:database-engineer",
        "/no/where",
        "x.py",
        "\ud800",
        "\0",
        "",
    ]
)
KEYS = st.sampled_from(
    [
        "tool_name",
        "tool_input",
        "cwd",
        "command",
        "file_path",
        "content",
        "edits",
        "old_string",
        "new_string",
        "agent_type",
        "agent_transcript_path",
        "stop_hook_active",
        "source",
        "sources",
        "write",
        "policies",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def deciders() -> dict[str, Any]:
    """The `decide` of each hook."""
    sys.path.insert(0, str(HOOKS))
    try:
        return {script: importlib.import_module(script).decide for script in SCRIPTS}
    finally:
        sys.path.remove(str(HOOKS))


@given(st.dictionaries(KEYS, VALUES, max_size=8))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_event_however_wrong_is_refused(deciders: dict[str, Any], event: dict[str, Any]) -> None:
    for script in SCRIPTS[:-1]:
        said = deciders[script](event)
        assert said is None or said["hookSpecificOutput"]["permissionDecision"] == "allow"


PIECES = st.lists(
    st.sampled_from(
        [
            "psql",
            "make",
            "alembic",
            "-c",
            "'",
            '"',
            "\\",
            "$(",
            ")",
            "`",
            "|",
            ";",
            "&&",
            "<<EOF",
            "\n",
            "EOF",
            "<<<",
            "#",
            "$x",
            "{",
            "}",
            "bash",
            "env",
            "xargs",
            "python",
            "select 1",
            "A=b",
            ">",
            "<",
            "-",
            "find",
            "uv run",
            "x.py",
            "$'",
            "é",
            "=",
            ":",
        ]
    ),
    max_size=14,
)


@given(PIECES, st.booleans())
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_command_line_in_pieces_is_judged_without_a_fault(
    deciders: dict[str, Any], pieces: list[str], spaced: bool
) -> None:
    event = {"tool_name": "Bash", "tool_input": {"command": (" " if spaced else "").join(pieces)}, "cwd": "/no/where"}
    said = deciders["guard_shell"](event)
    assert said is None or said["hookSpecificOutput"]["permissionDecision"] == "ask"


# After an edit ----------------------------------------------------------------------------------------------------

MODEL = "class Task(SQLModel, table=True):\n    id: int = Field(primary_key=True)\n"
REVISION = '"""add"""\nrevision: str = "ab12"\ndown_revision = None\n\ndef upgrade():\n    pass\n'


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("app/models.py", MODEL, "autogenerate_migration(write=false)"),
        ("app/old.py", "class A(Base):\n    __tablename__ = 'a'\n", "review_schema(source=models)"),
        ("alembic/versions/ab12_add.py", REVISION, "review_migration(revision=ab12)"),
        ("specs/database/schema.md", "# Tables\n", "compare_schemas(sources=spec,models)"),
        ("specs/003-tags/data-model.md", "# Tags\n", "compare_schemas(sources=spec,models)"),
        ("specs/003-tags/spec.md", "- id: primary key\n", "compare_schemas(sources=spec,models)"),
        ("specs/003-tags/plan.md", "# Plan\nNothing of that.\n", ""),
        ("app/main.py", "def main(): ...\n", ""),
        ("README.md", "primary key", ""),
        ("alembic/versions/notes.py", "x = 1\n", ""),
    ],
)
def test_an_edit_is_followed_by_one_line_on_what_to_run(name: str, text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    event = {"tool_name": "Edit", "tool_input": {"file_path": str(path)}, "cwd": str(tmp_path)}
    line = context(run("suggest_check", json.dumps(event)))
    assert told in line
    assert bool(line) is bool(told)
    assert "\n" not in line


# Before a sub-agent ends ------------------------------------------------------------------------------------------


def stop(
    tmp_path: Path, *calls: tuple[str, dict[str, Any], bool], agent: str = "dbarch:database-engineer", **more: Any
) -> str:
    """What a sub-agent that made these calls (tool, input, whether it failed) is told when it ends."""
    lines = []
    for number, (tool, given_, failed) in enumerate(calls):
        use = {"type": "tool_use", "id": f"t{number}", "name": tool, "input": given_}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "is_error": failed, "content": "x"}
        lines += [{"message": {"content": [use]}}, {"message": {"content": [result]}}]
    path = tmp_path / "transcript.jsonl"
    path.write_text("not json\n" + "\n".join(json.dumps(line) for line in lines) + "\n")
    event = {"hook_event_name": "SubagentStop", "stop_hook_active": False, "agent_type": agent, "cwd": str(tmp_path)}
    return str(
        run("remind_record", json.dumps({**event, "agent_transcript_path": str(path), **more})).get("reason", "")
    )


MIGRATION = (f"{TOOL}autogenerate_migration", {"message": "x"}, False)
RECORD = (f"{TOOL}write_phr", {"title": "x"}, False)


def test_database_work_without_a_record_is_named_once(tmp_path: Path) -> None:
    reason = stop(tmp_path, MIGRATION)
    assert "autogenerate_migration" in reason
    assert "write_phr" in reason
    assert stop(tmp_path, MIGRATION, stop_hook_active=True) == ""


def test_an_edit_of_models_by_our_agents_is_database_work(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(MODEL)
    change = ("Edit", {"file_path": str(tmp_path / "models.py")}, False)
    assert "models.py" in stop(tmp_path, change)
    assert stop(tmp_path, change, agent="general-purpose") == ""
    assert stop(tmp_path, ("Edit", {"file_path": "other.txt"}, False)) == ""


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (MIGRATION, RECORD),
        (MIGRATION, (*RECORD[:2], True)),
        ((f"{TOOL}inspect_schema", {}, False),),
        ((f"{TOOL}autogenerate_migration", {"write": False}, False),),
        ((f"{TOOL}autogenerate_migration", {}, True),),
        ((f"{TOOL}design_models", {}, False),),
        ((f"{TOOL}manage_branch", {"action": "list"}, False),),
        ((f"{TOOL}check_isolation", {"policies": "show"}, False),),
    ],
)
def test_recorded_refused_and_reading_work_is_left_alone(calls: tuple[Any, ...], tmp_path: Path) -> None:
    assert stop(tmp_path, *calls) == ""


@pytest.mark.parametrize(
    ("tool", "given_"),
    [
        ("apply_migration", {}),
        ("design_models", {"write": True}),
        ("recommend_indexes", {"write": True}),
        ("manage_branch", {"action": "delete"}),
        ("check_isolation", {"policies": "write"}),
    ],
)
def test_every_tool_that_changed_something_counts(tool: str, given_: dict[str, Any], tmp_path: Path) -> None:
    assert tool in stop(tmp_path, (TOOL + tool, given_, False))
    assert tool in stop(tmp_path, (TOOL + tool, given_, False), agent="general-purpose")


def test_without_a_transcript_the_ledger_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / ".dbarch"
    folder.mkdir()
    runs = [{"id": "r1", "tool": "autogenerate_migration", "arguments": {}}, {"id": "r2", "tool": "inspect_schema"}]
    (folder / "ledger.jsonl").write_text("broken\n" + "".join(json.dumps(run_) + "\n" for run_ in runs))
    event = {"stop_hook_active": False, "agent_type": "dbarch:database-engineer", "cwd": str(tmp_path)}
    assert run("remind_record", json.dumps(event))["decision"] == "block"
    (folder / "recorded").write_text("r2\n")
    assert run("remind_record", json.dumps(event)) == {}


# When a session starts --------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    versions = tmp_path / "backend/migrations/versions"
    versions.mkdir(parents=True)
    (versions / "ab12_add.py").write_text(REVISION)
    (tmp_path / "backend/alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")
    (tmp_path / "specs/database").mkdir(parents=True)
    (tmp_path / "specs/database/schema.md").write_text("# Schema\n")
    return tmp_path


def status(folder: Path, **environ: str) -> str:
    return context(run("show_status", json.dumps({"hook_event_name": "SessionStart", "cwd": str(folder)}), **environ))


def test_a_session_starts_with_one_line_of_what_is_here(project: Path) -> None:
    line = status(project)
    assert "1 Alembic revision in backend/migrations/versions" in line
    assert "spec in specs/database/schema.md" in line
    assert "no database named" in line
    assert "\n" not in line
    assert len(line) < 400


def test_the_line_says_where_the_database_is_named_and_never_its_address(project: Path) -> None:
    assert "database from $DATABASE_URL" in status(project, DATABASE_URL=SECRET)
    (project / ".env").write_text(f"DATABASE_URL={SECRET}\n")
    line = status(project)
    assert "database from DATABASE_URL in .env" in line
    assert "acme" not in line
    assert "acme" not in status(project, DATABASE_URL=SECRET)


def test_runs_without_a_record_are_counted(project: Path) -> None:
    (project / ".dbarch").mkdir()
    (project / ".dbarch/ledger.jsonl").write_text('{"id": "r1"}\n{"id": "r2"}\n{"id": "r3"}\n')
    assert "3 runs without a record" in status(project)
    (project / ".dbarch/recorded").write_text("r2\n")
    assert "1 run without a record" in status(project)


def test_a_project_without_models_or_migrations_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["django"]\n')
    assert status(tmp_path) == ""
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["sqlmodel"]\n')
    assert "no Alembic history yet" in status(tmp_path)
