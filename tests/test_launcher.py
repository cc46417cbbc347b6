"""The launcher of the plugin: what a client sees while nothing is installed, and that the server is there afterwards.

The plugin is a copy of the launcher beside a server of a few lines that needs one small package of our own making, so
that a whole installation takes seconds. tests/client installs the real packages.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from launcher.handshake import LISTS
from scripts.write_catalogue import PATH as CATALOGUE
from scripts.write_catalogue import text as fresh_catalogue
from tests.launched import ERAS, PLAIN, Plugin, python_without
from tests.wire import Wire

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    return Plugin(tmp_path)


@pytest.mark.parametrize("era", ERAS)
def test_a_first_start_is_answered_at_once_and_a_call_waits_for_the_server(plugin: Plugin, era: str) -> None:
    with plugin.start(era) as wire:
        began = time.monotonic()
        assert "dbarch is installing" in wire.start()["instructions"]
        listed = wire.ask("tools/list")
        assert time.monotonic() - began < 5
        assert listed["tools"] == json.loads(CATALOGUE.read_text())["tools"]
        assert ("resultType" in listed) == (era == "2026-07-28")
        assert wire.ask("prompts/list")["prompts"]
        (environment,) = (text.split()[1] for text in [wire.call("echo", word="ho")[0]] if text.startswith("small "))
        assert Path(environment) in plugin.environments()
        assert wire.ask("tools/list")["method"] == "tools/list"
    with plugin.start(era) as wire:
        assert wire.start()["instructions"] == "the server"
        assert wire.call("echo", word="again") == (f"small {environment} again", False)


def test_a_client_of_the_old_era_is_told_that_the_tools_may_have_changed(plugin: Plugin) -> None:
    with plugin.start() as wire:
        wire.start()
        wire.call("echo")
        assert {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"} in wire.others


def test_a_cancelled_call_is_not_carried_out_later(plugin: Plugin) -> None:
    with plugin.start() as wire:
        wire.start()
        dropped = wire.send("tools/call", name="echo", arguments={})
        wire.tell("notifications/cancelled", requestId=dropped)
        wire.call("echo")
        assert dropped not in [message.get("id") for message in wire.others]


@pytest.mark.parametrize(("era", "path"), [(ERAS[0], PLAIN), (ERAS[1], "")])
def test_a_failed_installation_is_the_answer_and_the_next_call_tries_again(plugin: Plugin, era: str, path: str) -> None:
    plugin.require("0" * 64)
    with plugin.start(era, **({"PATH": path} if path else {})) as wire:
        wire.start()
        text, failed = wire.call("echo")
        assert failed
        assert text.startswith("dbarch cannot start. The packages could not be installed: ")
        assert "small-package" in text
        assert plugin.environments() == [] or not (plugin.environments()[0] / "ready").exists()
        plugin.require(plugin.make_package())
        assert wire.call("echo")[0].startswith("small ")


def test_two_first_starts_build_one_environment(plugin: Plugin) -> None:
    with plugin.start() as one, plugin.start() as other:
        for wire in (one, other):
            wire.start()
        calls = [(wire, wire.send("tools/call", name="echo", arguments={})) for wire in (one, other)]
        for wire, number in calls:
            assert wire.answer(number)["result"]["content"][0]["text"].startswith("small ")
        builds = [wire.log.count("making an environment") for wire in (one, other)]
    assert sum(builds) == 1
    assert len(plugin.environments()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_installation_is_made_anew(plugin: Plugin, number: signal.Signals) -> None:
    with plugin.start(PATH=PLAIN) as wire:
        wire.start()
        while not plugin.environments():
            wire.ask("ping")
        wire.process.send_signal(number)
        wire.process.wait(5)
    with plugin.start() as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")


def test_an_environment_whose_python_is_gone_is_made_anew(plugin: Plugin) -> None:
    with plugin.start() as wire:
        wire.start()
        wire.call("echo")
    python = plugin.environments()[0] / "bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    with plugin.start() as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")


def test_new_requirements_get_a_new_environment_and_old_ones_go_after_a_month(plugin: Plugin) -> None:
    with plugin.start() as wire:
        wire.start()
        wire.call("echo")
    (first,) = plugin.environments()
    forgotten = plugin.data / "venv-000000000000"
    forgotten.mkdir()
    (forgotten / "ready").write_text("")
    os.utime(forgotten / "ready", (0, 0))
    with (plugin.root / "requirements.txt").open("a") as requirements:
        requirements.write("# more\n")
    with plugin.start() as wire:
        wire.start()
        wire.call("echo")
    assert first in plugin.environments()
    assert forgotten not in plugin.environments()
    assert len(plugin.environments()) == 2


def test_closing_the_line_ends_both(plugin: Plugin) -> None:
    with plugin.start() as wire:
        wire.start()
        wire.call("echo")
        assert wire.process.stdin is not None
        wire.process.stdin.close()
        assert wire.process.wait(10) == 0


def test_uv_is_used_when_it_is_there(plugin: Plugin) -> None:
    with plugin.start() as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")
    assert "uv = " in (plugin.environments()[0] / "pyvenv.cfg").read_text()


def test_a_uv_that_cannot_do_it_is_followed_by_pip(plugin: Plugin) -> None:
    (plugin.tools / "uv").unlink()
    (plugin.tools / "uv").write_text("#!/bin/sh\nexit 2\n")
    (plugin.tools / "uv").chmod(0o755)
    with plugin.start() as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")
    assert "uv = " not in (plugin.environments()[0] / "pyvenv.cfg").read_text()


def test_a_python_without_ensurepip_says_what_to_install(plugin: Plugin, tmp_path: Path) -> None:
    python = python_without(tmp_path / "python", "ensurepip")
    with plugin.start(python=python, PATH=PLAIN) as wire:
        wire.start()
        text, failed = wire.call("echo")
    assert failed
    assert "can make no virtual environment" in text
    assert "python3-venv" in text


def test_a_python_without_ensurepip_but_with_pip_will_do(plugin: Plugin, tmp_path: Path) -> None:
    python = python_without(tmp_path / "python", "ensurepip")
    site = Path(python).parent.parent / "lib" / Path(python).name / "site-packages"
    site.mkdir()
    import pip

    (site / "pip").symlink_to(Path(pip.__file__).parent)
    with plugin.start(python=python, PATH=PLAIN) as wire:
        wire.start()
        assert wire.call("echo")[0].startswith("small ")


def test_without_a_new_enough_python_the_answer_says_so(plugin: Plugin) -> None:
    environment = plugin.root / "launcher/environment.py"
    (plugin.tools / "uv").unlink()
    environment.write_text(
        environment.read_text().replace("OLDEST = (3, 11)\nNEWEST = (3, 14)", "OLDEST = NEWEST = (3, 99)")
    )
    with plugin.start() as wire:
        assert "dbarch is installing" in wire.start()["instructions"]
        text, failed = wire.call("echo")
    assert failed
    assert "dbarch needs Python 3.99 or newer" in text
    assert "docs.astral.sh/uv" in text


def test_data_that_cannot_be_written_is_named(plugin: Plugin) -> None:
    plugin.data.write_text("a file")
    with plugin.start() as wire:
        wire.start()
        text, failed = wire.call("echo")
    assert failed
    assert f"{plugin.data} cannot be written" in text


def test_the_launcher_is_written_for_python_3_9(subtests: pytest.Subtests) -> None:
    for path in (ROOT / "launcher").glob("*.py"):
        with subtests.test(path.name):
            ast.parse(path.read_text(), feature_version=(3, 9))


@pytest.mark.parametrize("era", ERAS)
def test_a_named_python_that_has_the_packages_serves_at_once(tmp_path: Path, era: str) -> None:
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DBARCH_SERVER_PYTHON": sys.executable}
    environ |= {"DBARCH_OPTION_DATABASE_URL": "", "CLAUDE_PROJECT_DIR": "${CLAUDE_PROJECT_DIR}"}
    with Wire(
        (sys.executable, "-I", "-S", str(ROOT / "launcher/__main__.py")), era=era, cwd=tmp_path, environ=environ
    ) as wire:
        started = wire.start()
        assert f"Project: {tmp_path}" in started["instructions"]
        lists = {method: wire.ask(method) for method in LISTS}
        assert wire.call("inspect_schema", source="nowhere")[1]
        assert {method: wire.ask(method) for method in LISTS} == lists
    server = (sys.executable, "-I", str(ROOT / "mcp_server/__main__.py"))
    with Wire(server, era=era, cwd=tmp_path, environ=environ) as wire:
        assert wire.start() == started


def test_the_catalogue_is_what_the_server_lists() -> None:
    assert CATALOGUE.read_text("utf-8") == fresh_catalogue(), "run scripts/write_catalogue.py"
