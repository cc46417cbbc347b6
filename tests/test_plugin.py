"""The plugin's files agree with the operations, and promise nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server import __version__
from mcp_server.operations import OPERATIONS
from tests.plugin_texts import AGENTS, PREFIX, ROOT, SKILLS, TOOLS, document, name_of

HOOK = ROOT / "hooks/allow_reading.py"


def ask_hook(text: str) -> str:
    done = subprocess.run([sys.executable, "-I", HOOK], input=text, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_hook_allows_exactly_the_tools_that_read() -> None:
    allowed = set()
    for operation in OPERATIONS:
        event = {"hook_event_name": "PreToolUse", "tool_name": PREFIX + operation.name, "tool_input": {}}
        if said := ask_hook(json.dumps(event)):
            assert json.loads(said)["hookSpecificOutput"]["permissionDecision"] == "allow"
            allowed.add(operation.name)
    assert allowed == {operation.name for operation in OPERATIONS if operation.effect == "reads"} | {
        "review_schema",
        "check_isolation",
    }


@pytest.mark.parametrize(
    ("given", "allowed"),
    [({"fix": True}, True), ({"write": False}, True), ({"write": True}, False), ({"write": "yes"}, False)],
)
def test_a_tool_that_may_write_is_asked_about_when_it_is_told_to(given: dict[str, object], allowed: bool) -> None:
    event = {"tool_name": f"{PREFIX}review_schema", "tool_input": given}
    assert bool(ask_hook(json.dumps(event))) is allowed


@pytest.mark.parametrize(("policies", "allowed"), [("no", True), ("show", True), ("write", False), (["write"], False)])
def test_policies_are_asked_about_when_they_are_to_be_written(policies: object, allowed: bool) -> None:
    event = {"tool_name": f"{PREFIX}check_isolation", "tool_input": {"policies": policies}}
    assert bool(ask_hook(json.dumps(event))) is allowed


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("live", True),
        ("models", True),
        ("file:db/schema.sql", True),
        ("file:/home/me/.pgpass", False),
        ("spec:specs/database", True),
        ("spec:../specs", False),
        ("spec:/home/me/.pgpass", False),
        ("file:~/.pgpass", False),
        (" file: /home/me/.pgpass", False),
        ("file:C:/me/.pgpass", False),
        ("file:\\\\server\\share", False),
    ],
)
def test_a_file_that_need_not_be_of_the_project_is_asked_about(source: str, allowed: bool) -> None:
    event = {"tool_name": f"{PREFIX}inspect_schema", "tool_input": {"source": source}}
    assert bool(ask_hook(json.dumps(event))) is allowed
    for sources in (["models", source], f"models,{source}"):
        event = {"tool_name": f"{PREFIX}compare_schemas", "tool_input": {"sources": sources}}
        assert bool(ask_hook(json.dumps(event))) is allowed


@pytest.mark.parametrize(
    ("given", "allowed"), [({"revision": "head"}, True), ({"sql": "copy t from program 'x'"}, False)]
)
def test_a_script_to_review_is_asked_about_because_it_is_run(given: dict[str, str], allowed: bool) -> None:
    event = {"tool_name": f"{PREFIX}review_migration", "tool_input": given}
    assert bool(ask_hook(json.dumps(event))) is allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"tool_name": null}',
        '{"tool_name": "Bash"}',
        '{"tool_name": "inspect_schema"}',
        '{"tool_name": "mcp__plugin_other_db__inspect_schema"}',
        '{"tool_name": "mcp__plugin_dbarch_db__inspect_schema_and_more"}',
    ],
)
def test_the_hook_has_no_opinion_on_anything_else(text: str) -> None:
    assert ask_hook(text) == ""


def test_each_hook_is_asked_about_what_it_judges_and_nothing_else() -> None:
    hooks = json.loads((ROOT / "hooks/hooks.json").read_text())["hooks"]
    tools = (*TOOLS, "Bash", "Read", "Write", "Edit", "MultiEdit", "NotebookEdit", "mcp__other__x")
    asked = {}
    for event, entries in hooks.items():
        for entry in entries:
            (hook,) = entry["hooks"]
            *flags, script = hook["args"]
            assert flags == ["-I", "-S"]
            assert (ROOT / script.removeprefix("${CLAUDE_PLUGIN_ROOT}/")).is_file()
            names = {name for name in tools if re.fullmatch(entry.get("matcher", "$"), name)}
            asked[event, script.rpartition("/")[2]] = names
    editors = {"Write", "Edit", "MultiEdit"}
    assert asked == {
        ("SessionStart", "show_status.py"): set(),
        ("PreToolUse", "allow_reading.py"): TOOLS,
        ("PreToolUse", "guard_shell.py"): {"Bash"},
        ("PreToolUse", "guard_files.py"): {*editors, "NotebookEdit"},
        ("PostToolUse", "suggest_check.py"): editors,
        ("SubagentStop", "remind_record.py"): set(),
    }


@pytest.mark.parametrize("path", [*AGENTS, *SKILLS], ids=name_of)
def test_a_text_is_real_utf8(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert "ð" not in text
    assert "â€" not in text


def test_the_manifest_asks_for_nothing_and_has_the_packages_version() -> None:
    manifest = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())
    assert manifest["version"] == __version__
    for option in manifest["userConfig"].values():
        assert option["required"] is False
        assert option["sensitive"] is True


def test_the_marketplace_offers_the_plugin_of_this_folder() -> None:
    marketplace = json.loads((ROOT / ".claude-plugin/marketplace.json").read_text())
    (offered,) = marketplace["plugins"]
    assert (offered["name"], offered["source"]) == ("dbarch", "./")


def test_the_server_is_started_by_the_launcher_with_every_option() -> None:
    (server,) = json.loads((ROOT / ".mcp.json").read_text())["mcpServers"].values()
    manifest = json.loads((ROOT / ".claude-plugin/plugin.json").read_text())
    assert server["args"] == ["-I", "-S", "${CLAUDE_PLUGIN_ROOT}/launcher/__main__.py"]
    passed = {value for value in server["env"].values() if "user_config" in value}
    assert passed == {f"${{user_config.{key}}}" for key in manifest["userConfig"]}


@pytest.mark.parametrize("path", sorted((ROOT / "evals").glob("*/prompt.md")), ids=lambda path: path.parent.name)
def test_a_case_for_a_real_model_names_tools_that_exist(path: Path) -> None:
    front, body = document(path)
    graders = [document(grader)[0] for grader in sorted((path.parent / "graders").glob("*.md"))]
    assert body.strip()
    assert {grader["type"] for grader in graders} <= {"regex", "tool_used", "tool_order"}
    named = {grader.get(key) for grader in graders for key in ("tool", "before", "after")} - {None}
    assert {tool for tool in [*named, *front["allowed_tools"]] if str(tool).startswith("mcp__")} <= TOOLS
    assert [grader for grader in graders if grader["type"] == "tool_used" and grader.get("min")]
