"""apply_migration at the doors: the client is told to ask a person, the shell asks one itself."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_server.server import ArchitectServer
from mcp_server.world.sandbox import Sandbox, Sandboxes
from mcp_server.world.settings import Settings
from mcp_server.world.workspace import Workspace
from tests.applying import AT_B2, AtB2, ask, open_live, planned, run
from tests.opened import copy_history

pytestmark = pytest.mark.anyio

VERSION = "select version_num from alembic_version"


async def test_the_client_must_ask_a_person_on_every_call(tmp_path: Path) -> None:
    tools = {tool.name: tool for tool in await ArchitectServer(Workspace(Settings(tmp_path))).list_tools()}
    tool = tools["apply_migration"]
    assert tool.meta == {"anthropic/requiresUserInteraction": True}
    assert tool.annotations is not None
    assert (tool.annotations.destructive_hint, tool.annotations.read_only_hint) == (True, False)
    asking = {name for name, other in tools.items() if other.meta is not None}
    assert asking == {"apply_migration", "write_adr"}


@pytest.fixture
async def pending(tmp_path: Path, sandboxes: Sandboxes, database: Sandbox) -> AtB2:
    """A project with one rehearsed revision that its live database lacks."""
    await run(database, *AT_B2)
    project = AtB2(open_live(copy_history(tmp_path), sandboxes, database), database, sandboxes)
    await project.add("c3", "b2", "alter table authors add died date")
    return project


def dbarch(project: AtB2, *words: str, typed: str | None = None) -> tuple[int, str]:
    """Carry out `dbarch apply`; typed: what a person at a terminal answers. -> exit code and what was printed."""
    command = [sys.executable, "-m", "mcp_server", "apply", *words, "--project", str(project.root)]
    environment = {
        **os.environ,
        "DATABASE_URL": project.live.url,
        "DBARCH_CACHE_DIR": str(project.workspace.settings.cache),
    }
    person, terminal = pty.openpty()
    os.write(person, f"{typed}\n".encode())
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL if typed is None else terminal,
        capture_output=True,
        check=False,
    )
    os.close(person)
    os.close(terminal)
    return done.returncode, done.stdout.decode()


async def test_the_shell_shows_the_plan_and_runs_it_when_a_person_agrees(pending: AtB2) -> None:
    code, text = dbarch(pending, typed="y")

    assert code == 0, text
    assert "1 revision on live" in text
    assert "Run exactly this? [y/N] Applied c3 to live" in text
    assert await ask(pending.live, VERSION) == "c3"


async def test_the_shell_runs_nothing_when_a_person_does_not_agree(pending: AtB2) -> None:
    code, text = dbarch(pending, typed="")

    assert code == 1
    assert text.endswith("Run exactly this? [y/N] Nothing was run.\n")
    assert await ask(pending.live, VERSION) == "b2"


async def test_without_a_terminal_the_shell_wants_the_plans_hash(pending: AtB2) -> None:
    code, text = dbarch(pending)

    assert code == 1
    assert "--plan-hash" in text
    assert await ask(pending.live, VERSION) == "b2"
    _, digest = await planned(pending.workspace)
    code, text = dbarch(pending, "--plan-hash", digest)
    assert code == 0, text
    assert await ask(pending.live, VERSION) == "c3"
