"""CPU time of the server's start, to the answer of `initialize`, beside a minimal server of the same SDK.

    python -m benchmarks.server_start [--rounds 9]

Both are started in turn, in the same interpreter and the same empty project. User and system time of the whole
process are counted, which load on the machine disturbs less than the clock. The bar is 1.15.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
BAR = 1.15
MINIMAL = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("minimal")
@server.tool()
async def hello(name: str) -> str:
    return f"hello {name}"
server.run()
"""
SERVERS = {
    "minimal": [sys.executable, "-I", "-c", MINIMAL],
    "dbarch": [sys.executable, "-I", str(ROOT / "mcp_server" / "__main__.py")],
}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "benchmark", "version": "1"},
    },
}


def cpu_seconds(command: list[str], folder: str) -> float:
    """Start a server, wait for the answer to `initialize`, kill it; the CPU time it had used by then."""
    environ = {"PATH": os.environ["PATH"], "HOME": folder, "DBARCH_CACHE_DIR": folder}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(INITIALIZE).encode() + b"\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert "serverInfo" in answer["result"], answer
        process.kill()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return used.ru_utime + used.ru_stime


def measure(rounds: int) -> dict[str, float]:
    """The median CPU time of each server, in seconds; the first round, which fills caches, is not counted."""
    spent: dict[str, list[float]] = {name: [] for name in SERVERS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds + 1):
            for name, command in SERVERS.items():
                used = cpu_seconds(command, folder)
                if number:
                    spent[name].append(used)
    return {name: median(times) for name, times in spent.items()}


def main() -> int:
    """Print the table; 1 when the bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each server is started")
    medians = measure(parser.parse_args().rounds)
    ratio = medians["dbarch"] / medians["minimal"]
    print("| server | CPU to initialize, ms (median) |\n|---|---|")
    for name, seconds in medians.items():
        print(f"| {name} | {seconds * 1000:.0f} |")
    print(f"\nratio {ratio:.2f}, bar {BAR}")
    return int(ratio > BAR)


if __name__ == "__main__":
    sys.exit(main())
