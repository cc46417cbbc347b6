"""The Inspector, MCP's own client, lists our tools and calls every one of them, in both protocol eras."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mcp_server.operations import OPERATIONS
from mcp_server.world.sandbox import Sandboxes
from tests.client.claude import ROOT
from tests.client.npm import npm_package

pytestmark = pytest.mark.anyio
INSPECTOR = ("@modelcontextprotocol/inspector", "2.12.0")
NODE = "22"
TOOL_FAILED = 5
CALLS: dict[str, tuple[dict[str, Any], int, str]] = {
    "inspect_schema": ({"source": "models"}, 0, "conversations"),
    "query_database": ({"sql": "select 1 as one"}, 0, "one"),
    "explain_query": ({"sql": "select count(*) from pg_class where relkind = $1"}, 0, "pg_class"),
    "recommend_indexes": ({"queries": ["select 1"], "seconds": 2}, 0, ""),
    "compare_schemas": ({"sources": ["models", "live"]}, 0, "tasks"),
    "design_models": ({"spec": "specs/database/schema.md"}, 0, "tables designed from spec"),
    "autogenerate_migration": ({"message": "first", "write": False}, 0, "tasks"),
    "review_schema": ({"source": "models"}, 0, ""),
    "check_isolation": ({"attack": "never"}, 0, "tasks"),
    "review_migration": ({"sql": "create table a (b int)"}, 0, ""),
    "apply_migration": ({}, TOOL_FAILED, "autogenerate_migration"),
    "manage_branch": ({}, TOOL_FAILED, "NEON_API_KEY"),
    "check_health": ({}, 0, ""),
    "write_phr": ({"title": "Inspected", "stage": "general", "prompt": "Inspect."}, 0, "PHR-"),
    "write_adr": ({"title": "Never asked", "decision": "We do it."}, TOOL_FAILED, "three-part test"),
}


@dataclass(frozen=True)
class Inspector:
    """The program, the server that it asks, and a home of its own."""

    command: tuple[str, ...]
    home: Path

    def ask(self, era: str, *words: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home)}
        return subprocess.run(
            [*self.command, "--protocol-era", era, "--format", "json", *words],
            cwd=self.home,
            env=environ,
            capture_output=True,
            text=True,
            timeout=180,
        )


@pytest.fixture(scope="module")
def program() -> tuple[str, ...]:
    """Node and the Inspector's command line, from npm."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    node = f"node-{sys.platform}-{machine}"
    modules = npm_package(*INSPECTOR, f"{node}@{NODE}")
    return str(modules / node / "bin/node"), str(modules / INSPECTOR[0] / "clients/launcher/build/index.js"), "--cli"


@pytest.fixture(scope="module")
async def inspector(
    program: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory, sandboxes: Sandboxes, cache: Path
) -> AsyncIterator[Inspector]:
    """The Inspector in front of our server over HTTP, in a project with models, specs and an empty database."""
    home = tmp_path_factory.mktemp("inspected")
    project = Path(shutil.copytree(ROOT / "tests/projects/todo_chatbot", home / "project"))
    shutil.copytree(ROOT / "specs", project / "specs")
    async with sandboxes.lend() as live:
        environ = {"DBARCH_CACHE_DIR": str(cache), "DATABASE_URL": live.url}
        with served(project, home / "log", **environ) as address:
            yield Inspector((*program, address, "--transport", "http"), home)


@contextmanager
def served(project: Path, log: Path, **environ: str) -> Iterator[str]:
    """Our server over HTTP for a project, on a free port of loopback; its address."""
    known = {"PATH": os.environ["PATH"], "HOME": str(log.parent), **environ}
    command = [sys.executable, "-I", str(ROOT / "mcp_server/__main__.py"), "serve", "--http", "127.0.0.1:0"]
    with log.open("wb") as errors, subprocess.Popen(command, cwd=project, env=known, stderr=errors) as process:
        while not (found := re.search(r"http://\S+/mcp", log.read_text())):
            assert process.poll() is None, log.read_text()
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_every_tool_is_called() -> None:
    assert set(CALLS) == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("tool", CALLS)
async def test_the_inspector_calls_a_tool_and_shows_what_it_says(inspector: Inspector, tool: str, era: str) -> None:
    given, code, words = CALLS[tool]
    done = inspector.ask(era, "--method", "tools/call", "--tool-name", tool, "--tool-args-json", json.dumps(given))
    result = json.loads(done.stdout)["result"]
    text = "\n".join(block["text"] for block in result["content"])
    assert done.returncode == code, text + done.stderr
    assert bool(result.get("isError")) is bool(code)
    assert words in text
    assert "Error executing tool" not in text


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_schemas_of_the_tools_are_portable_and_all_lists_come(inspector: Inspector, era: str) -> None:
    listed = inspector.ask(era, "--method", "tools/list", "--strict")
    assert listed.returncode == 0, listed.stderr
    assert "0 errors" in listed.stderr
    assert len(json.loads(listed.stdout)["result"]["tools"]) == len(OPERATIONS)
    for method in ("resources/list", "resources/templates/list", "prompts/list"):
        done = inspector.ask(era, "--method", method)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_launcher_serves_the_inspector_too(program: tuple[str, ...], tmp_path: Path, era: str) -> None:
    """Over stdio, as the plugin starts it: answered by the launcher, carried out by the server."""
    server = {"command": sys.executable, "args": ["-I", "-S", str(ROOT / "launcher/__main__.py")]}
    environ = {"DBARCH_SERVER_PYTHON": sys.executable, "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    config = tmp_path / "servers.json"
    config.write_text(json.dumps({"mcpServers": {"db": {**server, "env": environ}}}))
    there = Inspector((*program, "--config", str(config), "--server", "db"), tmp_path)
    given = ("--method", "tools/call", "--tool-name", "inspect_schema", "--tool-args-json", '{"source": "nowhere"}')
    done = there.ask(era, *given)
    assert done.returncode == TOOL_FAILED, done.stderr
    assert "'nowhere' is no source" in done.stdout
