"""Every benchmark, one after the other: `python -m benchmarks`, or some by name: `python -m benchmarks tokens inspection`."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "server_start",
    "launcher_start",
    "hook_latency",
    "cold_starts",
    "tokens",
    "plugin_tokens",
    "inspection",
    "public_schemas",
    "planning",
    "busy_table",
)

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    failed = [
        name for name in chosen if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
