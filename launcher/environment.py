"""The virtual environment of the server: built once for each requirements.txt, by one process at a time."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

OLDEST = (3, 11)
NEWEST = (3, 14)
KEPT_DAYS = 30
READY = "ready"
CREDENTIALS = re.compile(r"://[^/\s@]+@")
# Of pip and of uv: how much of an installation is done when they say this.
STAGES = (("Resolved ", 10), ("Prepared ", 85), ("Installing collected", 85), ("Installed ", 99), ("Successfully", 99))
# What a user's shell may hold that would lead pip or uv elsewhere than into our environment.
MISLEADING = (
    "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PIP_REQUIREMENT", "PIP_CONSTRAINT",
    "PIP_REQUIRE_VIRTUALENV", "UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "UV_SYSTEM_PYTHON", "PYTHONHOME", "PYTHONPATH",
)  # fmt: skip

Tell = Callable[[str], None]


class CannotInstall(Exception):
    """The environment cannot be built; the message says why and what to do."""


class Environment:
    """One virtual environment below `data`, named by the hash of what is installed in it."""

    def __init__(self, data: Path, requirements: Path) -> None:
        self.data = data
        self.requirements = requirements
        self.percent = 0
        self._running: subprocess.Popen[str] | None = None

    def ready(self) -> str | None:
        """The environment's python when all is installed, else None."""
        python = self._python()
        if not (self._folder() / READY).is_file() or not os.path.exists(python):
            return None
        with suppress(OSError):
            os.utime(self._folder() / READY)
        return str(python)

    def build(self, tell: Tell) -> str:
        """Install what is missing and return the environment's python. Raises CannotInstall."""
        try:
            self.data.mkdir(parents=True, exist_ok=True)
            with Lock(self.data / "install.lock", tell):
                return self.ready() or self._build(tell)
        except OSError as error:
            raise CannotInstall(f"{self.data} cannot be written: {error.strerror or error}.") from error

    def distrust(self) -> None:
        """The environment does not do what it should: the next build makes it anew."""
        with suppress(OSError):
            (self._folder() / READY).unlink()

    def stop(self) -> None:
        """End an installer that runs; what it left is removed by the next build."""
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()

    def _build(self, tell: Tell) -> str:
        if not self.requirements.is_file():
            raise CannotInstall(f"{self.requirements} is missing: install the plugin again.")
        self.percent = 0
        shutil.rmtree(str(self._folder()), ignore_errors=True)
        uv = shutil.which("uv")
        if uv is None or not self._by_uv(uv, tell):
            self._by_pip(find_python(), tell)
        (self._folder() / READY).write_text(f"{time.time():.0f}\n", "utf-8")
        self._remove_old()
        return str(self._python())

    def _by_uv(self, uv: str, tell: Tell) -> bool:
        """Whether uv could do it; it brings a Python of its own when there is none."""
        wanted = f">={OLDEST[0]}.{OLDEST[1]},<{NEWEST[0]}.{NEWEST[1] + 1}"
        tell("making an environment with uv")
        if self._run([uv, "venv", "--quiet", "--python", wanted, str(self._folder())]):
            return False
        tell("installing packages with uv")
        install = [uv, "pip", "install", "--python", str(self._python()), "--require-hashes"]
        return not self._run([*install, "-r", str(self.requirements)])

    def _by_pip(self, python: str | None, tell: Tell) -> None:
        if python is None:
            raise CannotInstall(
                f"dbarch needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and found only {sys.version.split()[0]}. "
                "Install one (https://www.python.org), or uv (https://docs.astral.sh/uv/), and call again."
            )
        tell("making an environment")
        pip = self._pip_of(python)
        tell("installing packages")
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--require-hashes"]
        said = self._run([*pip, "install", *options, "-r", str(self.requirements)])
        if said:
            raise CannotInstall(
                f"The packages could not be installed: {said}\nSee that the package index can be reached and that there is "
                "space, then call again: it is tried anew."
            )

    def _pip_of(self, python: str) -> list[str]:
        """Make the environment; the command of a pip that installs into it.

        The Python's own pip, which is quick; else one inside (Debian keeps what that needs in a package of its own).
        """
        make = [python, "-I", "-m", "venv", "--clear", str(self._folder())]
        knows_python = not self._run([python, "-I", "-m", "pip", "--python", python, "--version"])
        if knows_python and not self._run([*make, "--without-pip"]):
            return [python, "-I", "-m", "pip", "--python", str(self._python())]
        said = self._run(make)
        if not said:
            return [str(self._python()), "-I", "-m", "pip"]
        raise CannotInstall(
            f"{python} can make no virtual environment: {said[-200:]}. When a package is missing, on Debian and Ubuntu: sudo apt install "
            "python3-venv. Or install uv (https://docs.astral.sh/uv/). Then call again."
        )

    def _run(self, command: Sequence[str]) -> str:
        """Run an installer in our folder. What it said when it failed (its end), "" when it did not."""
        environ = {name: value for name, value in os.environ.items() if name not in MISLEADING}
        try:
            self._running = subprocess.Popen(
                list(command), cwd=str(self.data), env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace",
            )  # fmt: skip
        except OSError as error:
            return str(error)
        said: deque[str] = deque(maxlen=30)
        assert self._running.stdout is not None
        for line in self._running.stdout:
            said.append(line)
            self._advance(line)
        if not self._running.wait():
            return ""
        lines = list(said)
        first = next((at for at, line in enumerate(lines) if re.match(r"\W*error|\s*×", line, re.IGNORECASE)), 0)
        text = "".join(lines[first:]).strip()
        return CREDENTIALS.sub("://***@", text)[-600:] or f"exit code {self._running.returncode}"

    def _advance(self, line: str) -> None:
        """How far an installer is, by what it says: pip names each package it gets, uv its stages."""
        for start, reached in STAGES:
            if line.lstrip().startswith(start):
                self.percent = max(self.percent, reached)
        if line.lstrip().startswith(("Collecting ", "Downloaded ", "Downloading ")):
            self.percent = min(84, max(self.percent, 10) + max(1, 70 // self._packages()))

    def _packages(self) -> int:
        """How many packages are asked for."""
        text = self.requirements.read_text("utf-8", "replace") if self.requirements.is_file() else ""
        return max(1, len(re.findall(r"(?m)^[A-Za-z0-9][\w.-]*==", text)))

    def _folder(self) -> Path:
        content = self.requirements.read_bytes() if self.requirements.is_file() else b""
        return self.data / f"venv-{hashlib.sha256(content).hexdigest()[:12]}"

    def _python(self) -> Path:
        return self._folder() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def _remove_old(self) -> None:
        """Environments that no start has touched for a month; another session may still run in a younger one."""
        for folder in self.data.glob("venv-*"):
            mark = folder / READY
            since = mark.stat().st_mtime if mark.is_file() else folder.stat().st_mtime
            if time.time() - since > KEPT_DAYS * 86_400:
                shutil.rmtree(str(folder), ignore_errors=True)


class Lock:
    """One installer at a time among processes; the system frees it when its holder dies."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._file = path.open("a+b")
        self._tell = tell

    def __enter__(self) -> None:
        told = False
        while not self._taken():
            if not told:
                self._tell("waiting for another session that installs")
                told = True
            time.sleep(0.2)

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _taken(self) -> bool:
        try:
            if os.name == "nt":
                import msvcrt

                self._file.seek(0)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def find_python() -> str | None:
    """A Python that the server can run on: ours if it will do, else one from the PATH, else None."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    newest_first = [f"python{OLDEST[0]}.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    for command in [[name] for name in (*newest_first, "python3", "python")] + [["py", "-3"]]:
        found = shutil.which(command[0])
        if found is not None and (path := _suitable([found, *command[1:]])) is not None:
            return path
    return None


def _suitable(command: Sequence[str]) -> str | None:
    """The interpreter behind a command when its version will do; shims may be there and lead nowhere."""
    program = "import sys; print(sys.executable, *sys.version_info[:2], sep='\\n')"
    try:
        done = subprocess.run(
            [*command, "-I", "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
            check=True,
        )  # fmt: skip
        path, major, minor = done.stdout.strip().splitlines()
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return path if OLDEST <= (int(major), int(minor)) <= NEWEST else None


def data_folder(environ: Mapping[str, str]) -> Path:
    """Where the environment lives: the plugin's own data folder, which outlives its updates."""
    named = environ.get("CLAUDE_PLUGIN_DATA", "")
    if named and not named.startswith("${"):
        return Path(named)
    home = environ.get("HOME") or environ.get("USERPROFILE") or tempfile.gettempdir()
    return Path(environ.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "dbarch" / "plugin"


def server_command(python: str, root: Path, *, uncached: bool = False) -> list[str]:
    """How the server is started: apart from the user's PYTHON* settings, and without leaving any of ours.

    uncached: without the byte code that earlier starts left, which may be damaged.
    """
    cache = ["-B", "-X", f"pycache_prefix={os.path.join(os.devnull, 'none')}"] if uncached else []
    return [python, "-I", *cache, "-X", "utf8", str(root / "mcp_server" / "__main__.py")]
