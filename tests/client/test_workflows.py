"""Each agent at its workflows in the real client: what a good one is told, and that a bad one gets nowhere.

Both client versions, both protocol eras. What is asserted is what was sent back to the model, and what was done.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_server.operations import OPERATIONS
from mcp_server.world.database import connect
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.urls import read_url
from tests.client.claude import ROOT, VERSIONS, Client
from tests.client.conversation import (
    CLIENTS,
    START,
    TOOL,
    agent_files,
    cast,
    facing,
    may_use,
    of_agent,
    results_of,
    with_person,
)  # fmt: skip
from tests.client.scripted_model import Call, Say, ScriptedModel
from tests.client.workflows import ASKS, FIRST, LEAKED, WORKFLOWS, temptations
from tests.neon.api import KEY, NeonApi, serving

pytestmark = pytest.mark.anyio
EVERYTHING = ",".join([*(f"{TOOL}{operation.name}" for operation in OPERATIONS), "Write", "Edit", "Bash"])
NEON_KEY = "napi_" + "k3v9x2m7q1w8e4r6t5y0u3i9o7p2a5s8d1f4g6h0"


@dataclass(frozen=True)
class Ground:
    """A repository with specs, and a database that has a Neon project around it."""

    client: Client
    environ: dict[str, str]
    api: NeonApi
    live: Sandbox


@pytest.fixture
def repository(project: Path) -> Path:
    """The project under git, with the specs of the todo chatbot and a Makefile that migrates."""
    shutil.copytree(ROOT / "specs", project / "specs")
    (project / "Makefile").write_text("migrate:\n\talembic upgrade head\n")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    return project


@pytest.fixture
async def ground(
    client: Client, repository: Path, used: Path, sandboxes: Sandboxes, database: Sandbox
) -> AsyncIterator[Ground]:
    async with sandboxes.lend() as other:

        def url_of(branch: str) -> str:
            return database.url if branch.startswith("br-main") else other.url

        api = NeonApi(lambda branch: read_url(url_of(branch)).host, url_of)
        with serving(api) as address:
            environ = {"DATABASE_URL": database.url, "NEON_API_KEY": KEY, "NEON_API_HOST": address}
            environ["DBARCH_CACHE_DIR"] = str(used)  # live is no sandbox of the server that is asked
            yield Ground(client, environ, api, database)


def scripts_of_good_agents() -> dict[str, list[Say | Call]]:
    """By agent: the calls of its workflows that it may make, then its report."""
    found: dict[str, list[Say | Call]] = {}
    files = {path.stem: path for path in agent_files()}
    for name, workflows in WORKFLOWS.items():
        if name in files:
            front, _ = of_agent(files[name])
            calls = [call for workflow in workflows for call in workflow.calls if may_use(front, call.tool)]
            found[name] = [*calls, Say("REPORT")]
    return found


def test_every_agent_has_a_script_and_every_workflow_an_agent() -> None:
    assert {path.stem for path in agent_files()} <= set(WORKFLOWS)
    scripted = {workflow.name for path in agent_files() for workflow in WORKFLOWS[path.stem]}
    assert scripted == {workflow.name for workflows in WORKFLOWS.values() for workflow in workflows}


def apply_by_hand(ground: Ground, project: Path) -> None:
    """A person runs `dbarch apply`: to be shown the plan, then with its hash."""
    command = [sys.executable, "-m", "mcp_server", "apply", "--project", str(project)]
    environ = {**os.environ, **ground.environ, "PYTHONPATH": str(ROOT)}
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    found = re.search(r"--plan-hash (\w+)", shown.stdout)
    assert found is not None, shown.stdout + shown.stderr
    subprocess.run([*command, "--plan-hash", found[1]], env=environ, capture_output=True, check=True)


async def is_there(ground: Ground, table: str) -> bool:
    connection = await connect(ground.live.url)
    try:
        return bool(await connection.fetchval("select to_regclass($1) is not null", table))
    finally:
        await connection.close()


def check(name: str, script: list[Say | Call], model: ScriptedModel, version: str, subtests: pytest.Subtests) -> None:
    """Each call came back as its workflow says; what a person must agree to is refused where none can be asked."""
    results = results_of(model, name)
    calls = [turn for turn in script if isinstance(turn, Call)]
    assert len(results) == len(calls), name
    told = {tool: words for workflow in WORKFLOWS[name] for tool, words in workflow.told.items()}
    for call, (text, failed) in zip(calls, results, strict=True):
        tool = call.tool.removeprefix(TOOL)
        with subtests.test(f"{name}: {tool}"):
            if call.tool in ASKS and version != VERSIONS[0]:
                assert failed
                assert "user interaction" in text
                continue
            assert not failed, text[:2_000]
            if tool in told and (tool != "apply_migration" or "plan_hash" in call.input):
                assert told[tool] in text


@pytest.mark.parametrize(("version", "era"), CLIENTS)
async def test_good_agents_come_to_the_end_of_their_workflows(
    version: str, era: str, ground: Ground, plugin: Path, project: Path, subtests: pytest.Subtests
) -> None:
    scripts = scripts_of_good_agents()
    first = {FIRST: scripts.pop(FIRST)}
    for part in (first, scripts):
        with ScriptedModel(*cast(part)) as model:
            there = facing(ground.client, model, version, era, **ground.environ)
            flags = ("--plugin-dir", str(plugin), "--allowedTools", EVERYTHING, *with_person("yes"))
            there.prompt(START, *flags, timeout=500)
        for name, script in part.items():
            check(name, script, model, version, subtests)
        with subtests.test("no secret was sent"):
            assert ground.live.url not in json.dumps(model.requests)
            assert KEY not in json.dumps(model.requests)
        with subtests.test("the session began with the project's status"):
            history = "no Alembic history yet" if part is first else "1 Alembic revision in "
            assert f"dbarch: {history}" in json.dumps(model.sent_to("main")[0])
        if version != VERSIONS[0] and part is first:
            assert not await is_there(ground, "tasks")
            apply_by_hand(ground, project)
        assert await is_there(ground, "tasks")
    with subtests.test("an edit of models was followed by what to run"):
        assert "dbarch: models changed. review_schema" in json.dumps(model.sent_to("db-schema-designer")[-1])
    assert list((project / "history").rglob("*.prompt.md"))


@pytest.mark.parametrize(("version", "era"), CLIENTS)
async def test_bad_agents_get_nowhere(
    version: str, era: str, ground: Ground, plugin: Path, project: Path, subtests: pytest.Subtests
) -> None:
    connection = await connect(ground.live.url)
    await connection.execute("create table keepsake (id int)")
    await connection.close()
    tries = temptations(ground.live.url, NEON_KEY)
    scripts: dict[str, list[Say | Call]] = {path.stem: [*tries.values(), Say("REPORT")] for path in agent_files()}
    with ScriptedModel(*cast(scripts)) as model:
        there = facing(ground.client, model, version, era, **ground.environ)
        there.prompt(START, "--plugin-dir", str(plugin), "--allowedTools", EVERYTHING, timeout=500)

    fronts = {path.stem: of_agent(path)[0] for path in agent_files()}
    for name in scripts:
        for (what, call), (text, failed) in zip(tries.items(), results_of(model, name), strict=True):
            with subtests.test(f"{name}: {what}"):
                if what != "secrets in a PHR":
                    assert failed, text[:2_000]
                if not may_use(fronts[name], call.tool):
                    assert "No such tool" in text or failed
                elif call.tool == "Bash":
                    assert "apply_migration" in text
                elif call.tool == "Write":
                    assert ".env" in text
    with subtests.test("nothing was changed"):
        assert await is_there(ground, "keepsake")
        assert not (project / "app/config.py").exists()
        assert not (project / "history/adr").exists()
    with subtests.test("no file holds a secret"):
        password = read_url(ground.live.url).password
        for path in (path for path in project.rglob("*") if path.is_file() and ".git/" not in str(path)):
            text = path.read_text("utf-8", "replace")
            assert not any(secret in text for secret in (NEON_KEY, LEAKED, ground.live.url, password)), path


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_person_who_says_no_is_heard(version: str, ground: Ground, plugin: Path) -> None:
    script = {FIRST: [Call(ASKS[0])]}
    with ScriptedModel(*cast(script)) as model:
        there = facing(ground.client, model, version, CLIENTS[-1][1], **ground.environ)
        there.prompt(START, "--plugin-dir", str(plugin), *with_person("no"))
        ((text, failed),) = results_of(model, FIRST)
    assert failed, text


@pytest.mark.parametrize("version", VERSIONS)
async def test_work_without_a_record_is_sent_back_once(
    version: str, ground: Ground, plugin: Path, project: Path
) -> None:
    change = Call(f"{TOOL}autogenerate_migration", {"message": "first schema"})
    recorded = Call(f"{TOOL}write_phr", {"title": "First schema", "stage": "general", "prompt": "Do it."})
    script = {FIRST: [change, Say("REPORT"), recorded, Say("REPORT, recorded")]}
    with ScriptedModel(*cast(script)) as model:
        there = facing(ground.client, model, version, CLIENTS[-1][1], **ground.environ)
        there.prompt(START, "--plugin-dir", str(plugin), "--allowedTools", EVERYTHING)
        last = json.dumps(model.sent_to(FIRST)[-1])
    assert "This was database work (autogenerate_migration) and it has no Prompt History Record" in last
    assert "REPORT" in last
    assert list((project / "history").rglob("*.prompt.md"))
