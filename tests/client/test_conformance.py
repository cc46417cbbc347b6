"""MCP's own conformance suite against our server over HTTP.

Of its scenarios those that need no fixtures of the suite's own server (tools named test_*): they prove the wire.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.npm import npm_package

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = ("@modelcontextprotocol/conformance", "0.2.0-alpha.12")
NODE = "22"
BOTH = (
    "tools-list", "tools-call-simple-text", "tools-call-error", "server-sse-multiple-streams", "resources-list",
    "prompts-list", "dns-rebinding-protection",
)  # fmt: skip
SCENARIOS = {
    "2025-11-25": (*BOTH, "server-initialize", "ping", "server-session-lifecycle"),
    "2026-07-28": (
        *BOTH,
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
        "input-required-result-missing-input-response",
        "input-required-result-unsupported-methods",
        "input-required-result-ignore-extra-params",
        "input-required-result-validate-input",
    ),
}


@pytest.fixture(scope="module")
def suite() -> tuple[str, str]:
    """Node and the suite's program. Node comes from npm too: the suite wants a newer one than many systems have."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    node = f"node-{sys.platform}-{machine}"
    modules = npm_package(*SUITE, f"{node}@{NODE}")
    return str(modules / node / "bin/node"), str(modules / SUITE[0] / "dist/index.js")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our server over HTTP, on a free port of loopback."""
    folder = tmp_path_factory.mktemp("served")
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "DBARCH_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-I", ROOT / "mcp_server/__main__.py", "serve", "--http", "127.0.0.1:0"]
    log = folder / "log"
    with log.open("wb") as errors, subprocess.Popen(command, cwd=folder, env=environ, stderr=errors) as process:
        while not (found := re.search(r"http://\S+", log.read_text())):
            assert process.poll() is None, log.read_text()
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(("revision", "scenario"), [(r, s) for r, names in SCENARIOS.items() for s in names])
def test_a_scenario_of_the_suite_passes(
    suite: tuple[str, str], address: str, revision: str, scenario: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*suite, "server", "--url", address, "--scenario", scenario, "--spec-version", revision],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"Passed: (\d+)/(\d+), (\d+) failed", done.stdout)
    assert passed is not None, done.stdout
    assert (passed[1] == passed[2], passed[3]) == (True, "0")
    assert int(passed[1]) > 0
