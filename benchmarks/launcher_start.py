"""Processor time of the launcher, from its start to the answered handshake and to the list of tools, with the environment ready or not.

    python -m benchmarks.launcher_start [--rounds 9] [--python python3]

User and system time of the launcher's own process (the server that it starts meanwhile is another), in the project of this
repository and in an empty one, in both protocol eras, beside an interpreter that does nothing. The bar is 150 ms.
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
BAR = 0.150
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
LEGACY = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}
FIRST = {"2025-11-25": ("initialize", LEGACY, {}), "2026-07-28": ("server/discover", {"_meta": META}, {"_meta": META})}


def used(command: list[str], environ: dict[str, str], folder: Path, era: str) -> float:
    """Seconds of processor time until the handshake and the list were answered."""
    method, params, more = FIRST[era]
    questions = [(method, params), ("tools/list", more)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number, (asked, given) in enumerate(questions):
            line = {"jsonrpc": "2.0", "id": number, "method": asked, "params": given}
            process.stdin.write(json.dumps(line).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["id"] == number, answer
            assert "result" in answer, answer
        process.kill()
        _, _, spent = os.wait4(process.pid, 0)
        process.returncode = 0
    return spent.ru_utime + spent.ru_stime


def empty(python: str) -> float:
    """Seconds of processor time of an interpreter that does nothing."""
    with subprocess.Popen([python, "-I", "-S", "-c", "pass"]) as process:
        _, _, spent = os.wait4(process.pid, 0)
        process.returncode = 0
    return spent.ru_utime + spent.ru_stime


def measure(python: str, rounds: int) -> dict[str, float]:
    """Medians in seconds by case; the first round, which fills caches, is not counted."""
    found: dict[str, list[float]] = {"an empty interpreter": []}
    command = [python, "-I", "-S", str(ROOT / "launcher/__main__.py")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = {"PATH": os.environ["PATH"], "HOME": name, "CLAUDE_PLUGIN_DATA": str(folder / "data")}
        offline = {**plain, "UV_OFFLINE": "1", "PIP_NO_INDEX": "1", "UV_FIND_LINKS": name, "PIP_FIND_LINKS": name}
        cases = {"ready": {**plain, "DBARCH_SERVER_PYTHON": sys.executable}, "to be installed": offline}
        for number in range(rounds + 1):
            for place, where in {"an empty project": folder, "this repository": ROOT}.items():
                for state, environ in cases.items():
                    for era in FIRST:
                        spent = used(command, environ, where, era)
                        if number:
                            found.setdefault(f"{state}, {place}, {era}", []).append(spent)
            found["an empty interpreter"].append(empty(python))
    return {case: median(times) for case, times in found.items()}


def main() -> int:
    """Print the table; 1 when the bar is not met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="how often each case is started")
    parser.add_argument("--python", default="python3", help="the interpreter, as the client finds it")
    asked = parser.parse_args()
    medians = measure(asked.python, asked.rounds)
    print("| the environment, the project, the era | processor, ms (median) |\n|---|---|")
    for case, seconds in medians.items():
        print(f"| {case} | {seconds * 1000:.0f} |")
    print(f"\nbar {BAR * 1000:.0f} ms")
    return int(any(seconds > BAR for seconds in medians.values()))


if __name__ == "__main__":
    sys.exit(main())
