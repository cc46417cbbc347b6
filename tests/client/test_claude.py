"""The plugin in the real client, in both protocol eras, against a scripted model.

What is asserted is what the model was sent: the tools it was offered, their results, the instructions.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from mcp_server.operations import OPERATIONS
from mcp_server.world.sandbox import Sandbox
from tests.client.claude import VERSIONS, Client, client_program
from tests.client.conversation import CLIENTS, TOOL, facing, init_of, results_of
from tests.client.scripted_model import Actor, Call, Say, ScriptedModel

WRITING = ",".join(f"{TOOL}{operation.name}" for operation in OPERATIONS if operation.effect != "reads")
PROMPT = "Make the first migration of the todo chatbot."
AGENT_MARKER = "You are the architect of this project's data layer"


def asking(*calls: Call) -> tuple[Actor, Actor]:
    """The main conversation sends for the architect, who makes these calls and reports."""
    task = {
        "description": "first migration",
        "prompt": PROMPT,
        "subagent_type": "dbarch:database-architect",
        "run_in_background": False,
    }
    architect = Actor("architect", AGENT_MARKER, [*calls, Say("REPORT {result}")])
    return architect, Actor("main", "Start with", [Call("Agent", task), Say("FINAL {result}")])


@pytest.mark.parametrize(("version", "era"), CLIENTS)
@pytest.mark.anyio
async def test_a_sub_agent_does_the_main_job_with_all_four_tools(
    version: str, era: str, client: Client, plugin: Path, project: Path, database: Sandbox
) -> None:
    calls = (
        Call(f"{TOOL}inspect_schema", {"source": "models"}),
        Call(f"{TOOL}autogenerate_migration", {"message": "first schema"}),
        Call(f"{TOOL}explain_query", {"sql": "select count(*) from pg_class where relkind = $1"}),
        Call("ReadMcpResourceTool", {"server": "plugin:dbarch:db", "uri": r"match:dbarch://runs/[\w-]+"}),
        Call(f"{TOOL}write_phr", {"title": "First schema made", "stage": "general", "prompt": PROMPT}),
    )
    with ScriptedModel(*asking(*calls)) as model:
        there = facing(client, model, version, era, DATABASE_URL=database.url)
        events = there.prompt("Start with the schema.", "--plugin-dir", str(plugin), "--allowedTools", WRITING)
        inspected, migrated, explained, report, recorded = results_of(model, "architect")
        first = model.sent_to("architect")[0]
        told = json.dumps(model.sent_to("main")[0])

    assert not init_of(events).get("plugin_errors")
    assert [server["name"] for server in init_of(events)["mcp_servers"]] == ["plugin:dbarch:db"]
    assert {tool["name"] for tool in first["tools"]} >= {call.tool for call in calls}
    offered = next(tool for tool in first["tools"] if tool["name"] == f"{TOOL}inspect_schema")
    assert offered["input_schema"]["properties"]["format"]["enum"] == ["text", "json", "ddl", "mermaid"]
    assert "Database (source `live`): from $DATABASE_URL." in told
    assert not any(failed for _, failed in (inspected, migrated, explained, report, recorded)), migrated
    assert database.url not in json.dumps(model.requests)
    assert "conversation" in inspected[0]
    (revision,) = project.rglob("*first_schema.py")
    assert revision.name in migrated[0]
    assert "Seq Scan on pg_catalog.pg_class" in explained[0]
    assert "Node Type" in report[0]
    (record,) = (project / "history/prompts/general").glob("*.prompt.md")
    assert record.name in recorded[0]
    assert yaml.safe_load(record.read_text().split("---\n")[1])["title"] == "First schema made"
    assert "autogenerate_migration" in record.read_text()
    assert events[-1]["type"] == "result"
    assert record.name in events[-1]["result"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.anyio
async def test_reading_needs_no_question_and_writing_does(
    version: str, client: Client, plugin: Path, project: Path, database: Sandbox
) -> None:
    calls = (
        Call(f"{TOOL}inspect_schema", {"source": "live"}),
        Call(f"{TOOL}explain_query", {"sql": "select 1"}),
        Call(f"{TOOL}write_phr", {"title": "Never written", "stage": "general", "prompt": PROMPT}),
        Call(f"{TOOL}inspect_schema", {"source": "nowhere"}),
    )
    with ScriptedModel(*asking(*calls)) as model:
        there = facing(client, model, version, CLIENTS[-1][1], DATABASE_URL=database.url)
        there.prompt("Start with the schema.", "--plugin-dir", str(plugin))
        inspected, explained, recorded, lost = results_of(model, "architect")
    assert not inspected[1], inspected
    assert not explained[1], explained
    assert recorded[1]
    assert "permission" in recorded[0]
    assert not (project / "history").exists()
    assert lost[1]
    assert "nowhere" in lost[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_database_the_model_is_told_from_the_start(version: str, client: Client, plugin: Path) -> None:
    actor = Actor("main", "Start with", [Call(f"{TOOL}inspect_schema", {}), Say("FINAL {result}")])
    with ScriptedModel(actor) as model:
        facing(client, model, version, CLIENTS[-1][1]).prompt("Start with the schema.", "--plugin-dir", str(plugin))
        ((text, failed),) = results_of(model, "main")
        assert "Database (source `live`): none." in json.dumps(model.sent_to("main")[0])
    assert failed
    assert "No database is configured." in text
    assert "DBARCH_DATABASE_URL" in text


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_are_valid_to_the_letter(version: str, client: Client, plugin: Path) -> None:
    there = replace(client, program=client_program(version))
    for path in (plugin, plugin / ".claude-plugin/plugin.json"):
        done = there.run("plugin", "validate", "--strict", str(path))
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_plugin_directory_would_take_it(client: Client, plugin: Path) -> None:
    done = client.run("plugin", "validate", "--strict", "--profile", "directory", str(plugin))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("version", VERSIONS)
def test_it_installs_from_its_marketplace_and_its_server_connects(version: str, client: Client, plugin: Path) -> None:
    there = replace(client, program=client_program(version))
    added = there.run("plugin", "marketplace", "add", str(plugin))
    assert added.returncode == 0, added.stdout + added.stderr
    installed = there.run("plugin", "install", "dbarch@dbarch")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    listed = there.run("mcp", "list")
    assert "plugin:dbarch:db" in listed.stdout
    assert "Connected" in listed.stdout, listed.stdout + listed.stderr


def test_a_first_start_installs_the_packages_while_the_model_waits(
    client: Client, plugin: Path, project: Path, cache: Path
) -> None:
    call = Call(f"{TOOL}inspect_schema", {"source": "models"})
    with ScriptedModel(Actor("main", "Start with", [call, Say("FINAL {result}")])) as model:
        fresh = replace(client, environ={"DBARCH_CACHE_DIR": str(cache)})
        events = facing(fresh, model, *CLIENTS[-1]).prompt("Start with the schema.", "--plugin-dir", str(plugin))
        ((text, failed),) = results_of(model, "main")
        assert "dbarch is installing" in json.dumps(model.sent_to("main")[0])
    assert [server["name"] for server in init_of(events)["mcp_servers"]] == ["plugin:dbarch:db"]
    assert not failed, text
    assert "conversation" in text
