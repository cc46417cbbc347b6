"""The real client, of a given version, in an environment of its own."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.client.npm import npm_package

ROOT = Path(__file__).resolve().parent.parent.parent
VERSIONS = ("2.1.197", "2.1.330")
PLUGIN_PARTS = (
    ".claude-plugin", ".mcp.json", "agents", "hooks", "launcher", "mcp_server", "skills", "requirements.txt",
    "README.md", "LICENSE",
)  # fmt: skip


def copy_plugin(folder: Path) -> Path:
    """The plugin as a user gets it."""
    for name in PLUGIN_PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    return folder


def client_program(version: str) -> str:
    """The client's program, installed from npm; it is a binary that needs no Node."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine())
    folder = npm_package("@anthropic-ai/claude-code", version)
    return str(folder / f"@anthropic-ai/claude-code-{sys.platform}-{machine}" / "claude")


@dataclass(frozen=True)
class Client:
    """A client with a home, a project, and nothing of the environment but PATH.

    environ: more variables, such as the database. protocol: "legacy" for the handshake era on a client of both.
    """

    program: str
    home: Path
    project: Path
    url: str
    environ: Mapping[str, str]

    def run(self, *words: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        """Run the client with these words."""
        temporary = str(self.home / "tmp")
        clean = {
            "HOME": str(self.home),
            "TMPDIR": temporary,
            "CLAUDE_CODE_TMPDIR": temporary,
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
            "MCP_CONNECTION_NONBLOCKING": "0",
            "MCP_CONNECT_TIMEOUT_MS": "30000",
        }
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            [self.program, *words],
            env={**clean, **self.environ},
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def prompt(self, text: str, *flags: str, timeout: float = 240) -> list[dict[str, Any]]:
        """The events of one prompt."""
        done = self.run("-p", text, "--output-format", "stream-json", "--verbose", *flags, timeout=timeout)
        assert done.returncode == 0, done.stderr + done.stdout[-3000:]
        return [json.loads(line) for line in done.stdout.splitlines()]
