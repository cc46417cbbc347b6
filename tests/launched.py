"""A copy of the plugin whose packages take seconds to install: its launcher beside a server of a few lines that needs one small package."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.wire import Wire

ROOT = Path(__file__).resolve().parent.parent
ERAS = ("2025-11-25", "2026-07-28")
PLAIN = "/usr/bin:/bin"
SERVER = """
import json, os, sys
from small_package import WORD
for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or message.get("params", {}).get("name") == "never":
        continue
    if message["method"] in ("initialize", "server/discover"):
        result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {}, "instructions": "the server"}
    elif message["method"] == "tools/call":
        words = " ".join([WORD, sys.prefix, *message["params"]["arguments"].values()])
        result = {"content": [{"type": "text", "text": words}]}
    else:
        result = {"method": message["method"]}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""
METADATA = "Metadata-Version: 2.1\nName: small-package\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


class Plugin:
    """A plugin folder, a data folder for it, and an index of one package."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "plugin"
        self.data = folder / "data"
        self.index = folder / "index"
        self.home = folder / "home"
        self.tools = folder / "tools"
        for made in (self.index, self.home, self.tools):
            made.mkdir()
        uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert uv is not None, "uv is one of the development packages"
        (self.tools / "uv").symlink_to(uv)
        (self.tools / "python3").symlink_to(Path(sys.executable).resolve())
        shutil.copytree(ROOT / "launcher", self.root / "launcher", ignore=shutil.ignore_patterns("__pycache__"))
        (self.root / "mcp_server").mkdir()
        (self.root / "mcp_server/__init__.py").write_text("")
        (self.root / "mcp_server/instructions.py").write_text("def of_project():\n    return 'the server'\n")
        (self.root / "mcp_server/__main__.py").write_text(SERVER)
        self.require(self.make_package())

    def make_package(self) -> str:
        """A wheel in the index; its hash."""
        path = self.index / "small_package-1.0-py3-none-any.whl"
        info = "small_package-1.0.dist-info"
        files = {"small_package.py": "WORD = 'small'\n", f"{info}/METADATA": METADATA, f"{info}/WHEEL": WHEEL}
        with zipfile.ZipFile(path, "w") as wheel:
            for name, text in files.items():
                wheel.writestr(name, text)
            wheel.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def require(self, digest: str) -> None:
        (self.root / "requirements.txt").write_text(f"small-package==1.0 --hash=sha256:{digest}\n")

    def environ(self, **more: str) -> dict[str, str]:
        tools = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), "UV_OFFLINE": "1"}
        tools["UV_FIND_LINKS"] = str(self.index)
        plain = {"PATH": f"{self.tools}:{PLAIN}", "HOME": str(self.home), "CLAUDE_PLUGIN_DATA": str(self.data)}
        return {**tools, **plain, "PYTHONPATH": "/nowhere", "PIP_TARGET": "/nowhere", **more}

    def start(self, era: str = ERAS[0], python: str = sys.executable, **environ: str) -> Wire:
        command = (python, "-I", "-S", str(self.root / "launcher/__main__.py"))
        return Wire(command, era=era, cwd=self.home, environ=self.environ(**environ))

    def environments(self) -> list[Path]:
        return sorted(self.data.glob("venv-*"))


def python_without(folder: Path, *modules: str) -> str:
    """A Python like this one whose standard library lacks some modules, as distributions ship it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library = folder / "lib" / version
    library.mkdir(parents=True)
    (folder / "bin").mkdir()
    for entry in (Path(sys.base_prefix) / "lib" / version).iterdir():
        if entry.name not in (*modules, "site-packages"):
            (library / entry.name).symlink_to(entry)
    python = folder / "bin" / version
    shutil.copy2(Path(sys.base_prefix) / "bin" / version, python)
    return str(python)


def children(process: int) -> list[int]:
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True)
    return [int(number) for number in told.stdout.split()]
