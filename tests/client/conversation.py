"""A conversation of the real client with a scripted model: the plugin loaded, a project, what the model was sent."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tests.client.claude import ROOT, VERSIONS, Client, client_program
from tests.client.scripted_model import Actor, Call, Say, ScriptedModel, text_of, tool_results

TOOL = "mcp__plugin_dbarch_db__"
CLIENTS = [(VERSIONS[0], "2025-11-25"), (VERSIONS[1], "2025-11-25"), (VERSIONS[1], "2026-07-28")]
START = "Start with the work of the day."
# A person who answers each question of the client with yes or no, as the client's permission-prompt tool.
PERSON = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    given = (message.get("params") or {}).get("arguments") or {}
    verdict = {"behavior": "allow", "updatedInput": given.get("input", {})}
    if sys.argv[1] != "yes":
        verdict = {"behavior": "deny", "message": "No."}
    result = {
        "initialize": {
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "person", "version": "1"},
        },
        "tools/list": {"tools": [{"name": "decide", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": json.dumps(verdict)}]},
    }.get(message["method"])
    answer = {"result": result} if result else {"error": {"code": -32601, "message": "no"}}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""


def agent_files() -> list[Path]:
    """The plugin's agents."""
    return sorted((ROOT / "agents").glob("*.md"))


def of_agent(path: Path) -> tuple[Mapping[str, Any], str]:
    """An agent's front matter, and the first line of its body, by which its requests are known."""
    _, front, body = path.read_text("utf-8").split("---\n", 2)
    return yaml.safe_load(front), next(line for line in body.splitlines() if line.strip())


def may_use(front: Mapping[str, Any], tool: str) -> bool:
    """Whether an agent's front matter gives it a tool."""
    given = {word.strip() for word in front["tools"].split(",")}
    taken = {word.strip() for word in front.get("disallowedTools", "").split(",")}
    return tool not in taken and (tool in given or (tool.startswith(TOOL) and TOOL.rstrip("_") in given))


def sent_for(agent: str) -> Call:
    """How the main conversation sends for an agent."""
    task = {"description": agent, "prompt": f"Do the work of {agent}.", "subagent_type": f"dbarch:{agent}"}
    return Call("Agent", {**task, "run_in_background": False})


def cast(scripts: Mapping[str, Sequence[Say | Call]]) -> list[Actor]:
    """The agents with their turns, and the main conversation that sends for one after the other."""
    agents = [Actor(path.stem, of_agent(path)[1], scripts[path.stem]) for path in agent_files() if path.stem in scripts]
    return [*agents, Actor("main", "Start with", [*(sent_for(actor.name) for actor in agents), Say("FINAL {result}")])]


def facing(client: Client, model: ScriptedModel, version: str, era: str, **environ: str) -> Client:
    """The client of that version and era, in front of this model."""
    legacy = {"MCP_PROTOCOL_NEGOTIATION": "legacy"} if version != VERSIONS[0] and era == CLIENTS[0][1] else {}
    told = {**client.environ, **environ, **legacy}
    return replace(client, program=client_program(version), url=model.url, environ=told)


def with_person(answer: str) -> tuple[str, ...]:
    """The flags by which a person who says yes or no to everything is there."""
    server = {"command": sys.executable, "args": ["-I", "-c", PERSON, answer]}
    config = json.dumps({"mcpServers": {"person": server}})
    return ("--mcp-config", config, "--permission-prompt-tool", "mcp__person__decide")


def results_of(model: ScriptedModel, name: str) -> list[tuple[str, bool]]:
    """What the actor's tools gave back, and whether each is an error."""
    results = tool_results(model.sent_to(name)[-1])
    return [(text_of(result["content"]), bool(result.get("is_error"))) for result in results]


def init_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    return next(event for event in events if event.get("subtype") == "init")
