"""Fifty cold starts of the plugin with injected faults: is each handshake answered, and each first call with a result or a reason?

    python -m benchmarks.cold_starts [--rounds 5]

The plugin's own launcher beside a small server (tests/launched.py), each start in folders of its own. A start fails when the
handshake or the list of tools is not answered, when the process ends by itself, or when a call gets neither the tool's result nor a
reason; after a fault that passes, the next call must succeed.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.launched import ERAS, PLAIN, Plugin
from tests.wire import Wire

Fault = Callable[[Plugin, str], str]


def asked(wire: Wire) -> str:
    """Handshake, list and one call; what the call said."""
    wire.start()
    assert wire.ask("tools/list")["tools"], "no tools were listed"
    text, failed = wire.call("echo", word="x")
    assert failed or text.startswith("small "), text
    assert not failed or "dbarch" in text, text
    return "refused: " + text if failed else "answered"


def healed(plugin: Plugin, era: str, **environ: str) -> str:
    """A start that must succeed."""
    with plugin.start(era, **environ) as wire:
        said = asked(wire)
        assert said == "answered", said
    return said


def nothing_wrong(plugin: Plugin, era: str) -> str:
    """No environment yet, then one."""
    healed(plugin, era)
    return healed(plugin, era)


def no_network(plugin: Plugin, era: str) -> str:
    """The package index cannot be reached; then it can."""
    with plugin.start(era, UV_FIND_LINKS="/no/where", PIP_FIND_LINKS="/no/where") as wire:
        said = asked(wire)
        assert said.startswith("refused"), said
    healed(plugin, era)
    return said


def pip_fails(plugin: Plugin, era: str) -> str:
    """A package is not what its hash says."""
    plugin.require("0" * 64)
    with plugin.start(era, PATH=PLAIN) as wire:
        said = asked(wire)
        assert said.startswith("refused"), said
        plugin.require(plugin.make_package())
        assert wire.call("echo")[0].startswith("small ")
    return said


def killed_while_installing(plugin: Plugin, era: str) -> str:
    """SIGKILL in the middle of an installation, then a start."""
    with plugin.start(era, PATH=PLAIN) as wire:
        wire.start()
        while not plugin.environments():
            wire.ask("tools/list")
        wire.process.kill()
        wire.process.wait()
    return healed(plugin, era)


def read_only_plugin(plugin: Plugin, era: str) -> str:
    """Nothing may be written in the plugin's folder."""
    for path in (plugin.root, *plugin.root.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    return healed(plugin, era)


def two_sessions(plugin: Plugin, era: str) -> str:
    """Two first starts at once."""
    with plugin.start(era) as one, plugin.start(era) as other:
        for wire in (one, other):
            wire.start()
        numbers = [(wire, wire.send("tools/call", name="echo", arguments={})) for wire in (one, other)]
        for wire, number in numbers:
            assert wire.answer(number)["result"]["content"][0]["text"].startswith("small ")
    assert len(plugin.environments()) == 1
    return "answered"


def half_an_environment(plugin: Plugin, era: str) -> str:
    """It says that it is ready, and lacks a package."""
    healed(plugin, era)
    for module in plugin.environments()[0].rglob("small_package.py"):
        module.unlink()
    return healed(plugin, era)


def no_space(plugin: Plugin, era: str) -> str:
    """No file can grow: what a full disk does, by a limit of the process."""
    limited = plugin.tools / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -f 1\nexec {sys.executable} "$@"\n')
    limited.chmod(0o755)
    with plugin.start(era, python=str(limited), PATH=PLAIN) as wire:
        said = asked(wire)
        assert said.startswith("refused"), said
    healed(plugin, era)
    return said


def wrong_python(plugin: Plugin, era: str) -> str:
    """An interpreter that is not there is named; then none."""
    with plugin.start(era, DBARCH_SERVER_PYTHON="/no/where/python") as wire:
        said = asked(wire)
        assert said.startswith("refused"), said
    healed(plugin, era)
    return said


def odd_folders(plugin: Plugin, era: str) -> str:
    """Spaces, brackets and letters of other scripts in every path, in a locale of ASCII."""
    return healed(plugin, era, LC_ALL="C")


FAULTS: tuple[Fault, ...] = (
    nothing_wrong, no_network, pip_fails, killed_while_installing, read_only_plugin, two_sessions, half_an_environment, no_space,
    wrong_python, odd_folders,
)  # fmt: skip


def tried(fault: Fault, era: str) -> tuple[bool, str]:
    """Whether a start went as it must, and how."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / ("Pröjekte und 資料 (neu)" if fault is odd_folders else "start")
        folder.mkdir()
        try:
            return True, fault(Plugin(folder), era)
        except (AssertionError, OSError) as error:
            return False, f"{type(error).__name__}: {error}"
        finally:
            for path in folder.rglob("*"):
                if path.is_dir() and not path.is_symlink():
                    os.chmod(path, 0o755)


def main() -> int:
    """Print the table; 1 when a start failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each fault is tried")
    rounds = parser.parse_args().rounds
    failed = 0
    print("| fault | starts | failed | seconds | the call |\n|---|---|---|---|---|", flush=True)
    for fault in FAULTS:
        began = time.monotonic()
        results = [tried(fault, ERAS[number % len(ERAS)]) for number in range(rounds)]
        wrong = [said for went_well, said in results if not went_well]
        failed += len(wrong)
        said = " ".join((wrong or [results[-1][1]])[0].split())[:120].replace("|", "/")
        name = fault.__name__.replace("_", " ")
        print(f"| {name} | {rounds} | {len(wrong)} | {time.monotonic() - began:.0f} | {said} |", flush=True)
    print(f"\n{rounds * len(FAULTS)} cold starts, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
