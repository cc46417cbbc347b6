"""The agents and skills as the real client takes them: what each agent is offered, and what the plugin costs."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.plugin_tokens import ALWAYS, BODY, listing
from mcp_server.operations import OPERATIONS
from tests.client.claude import VERSIONS, Client, client_program, copy_plugin
from tests.client.scripted_model import Actor, Call, Say, ScriptedModel, text_of
from tests.plugin_texts import AGENTS, PREFIX, document, name_of, rights

OURS = {operation.name for operation in OPERATIONS}
# An address that refuses: the client then reckons by itself, and asks no API.
NOBODY = "http://127.0.0.1:9"
CLIENTS_OWN = {"DeferredToolPlaceholder"}
every_version = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def client(version: str, tmp_path: Path, cache: Path) -> Client:
    """A client of one version in an empty project."""
    (tmp_path / "project").mkdir()
    environ = {"DBARCH_SERVER_PYTHON": sys.executable, "DBARCH_CACHE_DIR": str(cache)}
    return Client(client_program(version), tmp_path / "home", tmp_path / "project", "", environ)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return copy_plugin(tmp_path / "plugin")


def sent_for(name: str) -> Call:
    """The main conversation sends for an agent."""
    task = {"description": name, "prompt": "Report.", "subagent_type": f"dbarch:{name}", "run_in_background": False}
    return Call("Agent", task)


def words_to(model: ScriptedModel, name: str) -> str:
    """All words of the first request that an actor answered."""
    return "\n".join(text_of(message["content"]) for message in model.sent_to(name)[0]["messages"])


@every_version
def test_each_agent_is_offered_its_rights_and_no_more(client: Client, plugin: Path) -> None:
    bodies = {path.stem: document(path)[1].strip().partition("\n")[0] for path in AGENTS}
    actors = [Actor(name, opening, [Say("done")]) for name, opening in bodies.items()]
    main = Actor("main", "Start with", [*(sent_for(name) for name in bodies), Say("all done")])
    with ScriptedModel(*actors, main) as model:
        replace(client, url=model.url).prompt("Start with the team.", "--plugin-dir", str(plugin))
        offered = {name: {tool["name"] for tool in model.sent_to(name)[0]["tools"]} for name in bodies}
        told = words_to(model, "main")
        preloaded = {name: words_to(model, name) for name in bodies}
    for path in AGENTS:
        held = {tool.removeprefix(PREFIX) for tool in offered[path.stem]} - CLIENTS_OWN
        assert held & OURS == rights(path) & OURS
        assert held <= rights(path)
        for skill in re.findall(r"dbarch:([\w-]+)", str(document(path)[0].get("skills", ""))):
            assert f"skills/{skill}" in preloaded[path.stem]
    for line in listing().splitlines():
        assert line in told


@every_version
def test_the_client_itself_reckons_the_plugin_within_its_budgets(client: Client, plugin: Path) -> None:
    offline = replace(client, url=NOBODY)
    offline.run("plugin", "marketplace", "add", str(plugin))
    offline.run("plugin", "install", "dbarch@dbarch")
    told = offline.run("plugin", "details", "dbarch").stdout
    (always,) = re.findall(r"Always-on:\s+~([\d,.k]+) tok", told)
    assert int(always) <= ALWAYS
    for path in AGENTS:
        (used,) = re.findall(rf"^\s*{name_of(path)}\s+\S+(?:\s\d+)?\s+~([\d.]+k?)\s*$", told, re.MULTILINE)
        assert (float(used[:-1]) * 1000 if used.endswith("k") else float(used)) <= BODY


@pytest.mark.parametrize(("version", "kit"), [(VERSIONS[0], True), (VERSIONS[1], False)])
def test_a_user_calls_for_a_record_by_name_with_and_without_spec_kit_plus(
    kit: bool, client: Client, plugin: Path
) -> None:
    if kit:
        (client.project / ".claude/commands").mkdir(parents=True)
        (client.project / ".claude/commands/sp.phr.md").write_text("Run the shell script of the project.\n")
    with ScriptedModel(Actor("main", "Record this exchange", [Say("recorded")])) as model:
        replace(client, url=model.url).prompt("/dbarch:sp-phr Tags added", "--plugin-dir", str(plugin))
        told = words_to(model, "main")
    assert "Title or wish of the user: Tags added" in told
    assert "`history/prompts/` is made" in told
