"""The launcher when something is wrong: a server that dies, an environment that lacks a package, odd folders and settings."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.launched import ERAS, SERVER, Plugin, children


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.mark.parametrize("era", ERAS)
def test_a_server_that_ends_is_started_anew_by_the_next_call(plugin: Plugin, era: str) -> None:
    with plugin.start(era) as wire:
        wire.start()
        wire.call("echo")
        (server,) = children(wire.process.pid)
        lost = wire.send("tools/call", name="never", arguments={"word": "sleep"})
        wire.ask("tools/list")
        os.kill(server, signal.SIGKILL)
        result = wire.answer(lost)["result"]
        assert result["isError"]
        assert "ended (exit code -9)" in result["content"][0]["text"]
        assert "Call again" in result["content"][0]["text"]
        assert wire.call("echo")[0].startswith("small ")
        assert children(wire.process.pid) != [server]


@pytest.mark.parametrize("era", ERAS)
def test_an_environment_that_lacks_a_package_is_made_anew(plugin: Plugin, era: str) -> None:
    with plugin.start(era) as wire:
        wire.start()
        wire.call("echo")
    (module,) = plugin.environments()[0].rglob("small_package.py")
    module.unlink()
    with plugin.start(era) as wire:
        assert wire.start()["instructions"] == "the server"
        assert wire.call("echo")[0].startswith("small ")
        assert "installed anew" in wire.log


@pytest.mark.parametrize("era", ERAS)
def test_a_server_that_cannot_start_is_the_answer_with_its_last_words(plugin: Plugin, era: str) -> None:
    (plugin.root / "mcp_server/__main__.py").write_text("raise SystemExit('a fault of its own')\n")
    with plugin.start(era) as wire:
        wire.start()
        text, failed = wire.call("echo")
        assert failed
        assert "a fault of its own" in text
        (plugin.root / "mcp_server/__main__.py").write_text(SERVER)
        assert wire.call("echo")[0].startswith("small ")


@pytest.mark.parametrize("name", ["/no/where/python", "/bin/false"])
def test_a_named_python_that_will_not_do_is_the_answer(plugin: Plugin, name: str) -> None:
    with plugin.start(DBARCH_SERVER_PYTHON=name) as wire:
        assert wire.start()["serverInfo"]["name"] == "dbarch"
        assert wire.ask("tools/list")["tools"]
        text, failed = wire.call("echo")
    assert failed
    assert "dbarch" in text


def test_the_users_own_modules_and_settings_of_python_do_not_reach_it(plugin: Plugin) -> None:
    for name in ("json", "types", "subprocess", "sitecustomize"):
        (plugin.home / f"{name}.py").write_text("raise SystemExit('not yours')\n")
    with plugin.start(PYTHONPATH=str(plugin.home), PYTHONSTARTUP="x", PYTHONHOME="/no/where") as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")


def test_a_folder_of_any_name_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "Pröjekte und 資料 (neu)"
    folder.mkdir()
    plugin = Plugin(folder)
    with plugin.start(LC_ALL="C") as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")
    with plugin.start(LC_ALL="C") as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")


def test_a_plugin_folder_that_cannot_be_written_will_do(plugin: Plugin) -> None:
    for path in (plugin.root, *plugin.root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with plugin.start() as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")


def test_a_call_that_outlasts_patience_is_told_how_far_it_is(plugin: Plugin) -> None:
    stand_in = plugin.root / "launcher/stand_in.py"
    stand_in.write_text(stand_in.read_text().replace("PATIENCE = 240.0\nTICK = 5.0", "PATIENCE = 0.2\nTICK = 0.1"))
    (plugin.tools / "uv").unlink()
    (plugin.tools / "uv").write_text("#!/bin/sh\necho Resolved 1 package\nexec sleep 30\n")
    (plugin.tools / "uv").chmod(0o755)
    with plugin.start() as wire:
        wire.start()
        text, failed = wire.call("echo", word="x")
    assert not failed
    assert text.startswith("dbarch is installing, 10 %: making an environment with uv")
    assert "Call again" in text


@pytest.mark.parametrize("era", ERAS)
def test_byte_code_that_a_full_disk_cut_off_does_no_harm(plugin: Plugin, era: str) -> None:
    with plugin.start(era) as wire:
        wire.start()
        wire.call("echo")
    (plugin.root / "mcp_server/more.py").write_text("WORD = 1\n")
    server = plugin.root / "mcp_server/__main__.py"
    server.write_text(
        f"import sys; sys.path.insert(0, {str(plugin.root)!r})\nimport mcp_server.more\n{server.read_text()}"
    )
    with plugin.start(era) as wire:
        wire.start()
        wire.call("echo")
    cut = list(plugin.root.rglob("*.pyc"))
    assert {path.parent.parent.name for path in cut} == {"launcher", "mcp_server"}
    for path in cut:
        path.write_bytes(path.read_bytes()[:40])
    with plugin.start(era) as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")
