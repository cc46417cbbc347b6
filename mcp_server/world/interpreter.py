"""The interpreter that runs the user's code: theirs, not ours, with what they have installed.

Searched in this order: [tool.dbarch] python; $VIRTUAL_ENV, unless that is where dbarch itself runs; $UV_PROJECT_ENVIRONMENT;
.venv, venv and env in the project's root, then in backend/, then in every folder one and two levels down;
poetry's environment; the interpreter that .pdm-python names; last the one that dbarch runs in.
An environment without SQLAlchemy is passed over, and named when something is missing later.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_server.errors import ConfigError
from mcp_server.world.settings import Settings

POETRY_TIMEOUT = 20.0
NAMES = (".venv", "venv", "env")
SKIPPED = frozenset({"node_modules", "site-packages", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python to run the user's code with.

    executable: never resolved through links, which would lead out of a virtual environment. origin: how it was found.
    passed_over: environments that were looked at first, and why each was not taken.
    """

    executable: Path
    origin: str
    passed_over: tuple[str, ...] = ()

    @property
    def driver(self) -> str:
        """The driver that a URL must name here, "" where the usual one is installed: what a project of its kind would do."""
        if any(has_package(self.executable, name) for name in ("psycopg2", "psycopg")):
            return ""
        return "asyncpg" if has_package(self.executable, "asyncpg") else ""

    def __str__(self) -> str:
        return f"{self.executable} ({self.origin})"


def find_interpreter(settings: Settings, environ: Mapping[str, str] | None = None) -> Interpreter:
    """The first suitable interpreter. May run `poetry`, so call it in a thread.

    Raises ConfigError when [tool.dbarch] python names none.
    """
    environ = os.environ if environ is None else environ
    if settings.python:
        return Interpreter(_named(settings), "[tool.dbarch] python")
    passed_over: list[str] = []
    for executable, origin in _candidates(settings.root, environ):
        if not executable.is_file():
            continue
        if has_package(executable, "sqlalchemy"):
            return Interpreter(executable, origin, tuple(passed_over))
        passed_over.append(f"{origin} has no SQLAlchemy")
    if (settings.root / "uv.lock").is_file() and not passed_over:
        passed_over.append("uv.lock has no environment yet (run `uv sync`)")
    return Interpreter(Path(sys.executable), "the Python that dbarch runs in", tuple(passed_over))


def _named(settings: Settings) -> Path:
    named = Path(settings.python).expanduser()
    path = named if named.is_absolute() else settings.root / named
    for candidate in (path, python_of(path)):
        if candidate.is_file():
            return candidate
    found = shutil.which(settings.python)
    if found and named.name == settings.python:
        return Path(found)
    raise ConfigError(
        f"[tool.dbarch] python names {settings.python!r}, and there is no interpreter.",
        "Give the path of a virtual environment or of its python, relative to the project's root.",
    )


def _candidates(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    active = environ.get("VIRTUAL_ENV", "")
    if active and Path(active).resolve() != Path(sys.prefix).resolve():
        yield python_of(Path(active)), "$VIRTUAL_ENV"
    named_by_uv = environ.get("UV_PROJECT_ENVIRONMENT", "")
    if named_by_uv:
        yield python_of(root / named_by_uv), "$UV_PROJECT_ENVIRONMENT"
    for folder in _folders(root):
        for name in NAMES:
            environment = folder / name
            if (environment / "pyvenv.cfg").is_file():
                yield python_of(environment), environment.relative_to(root).as_posix()
    yield from _from_poetry(root)
    yield from _from_pdm(root)


def _folders(root: Path) -> Iterator[Path]:
    """The root, backend/, then what lies one and two levels down."""
    yield root
    first = _subfolders(root)
    second = [folder for parent in first for folder in _subfolders(parent)]
    backends = [folder for folder in first + second if folder.name == "backend"]
    yield from backends
    yield from (folder for folder in first + second if folder.name != "backend")


def _subfolders(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [
        entry
        for entry in entries
        if entry.name not in SKIPPED
        and not entry.name.startswith(".")
        and entry.is_dir()
        and not (entry / "pyvenv.cfg").is_file()
    ]


def _from_poetry(root: Path) -> Iterator[tuple[Path, str]]:
    poetry = shutil.which("poetry")
    for folder in (root, root / "backend"):
        if poetry is None or not (folder / "poetry.lock").is_file():
            continue
        try:
            told = subprocess.run(
                [poetry, "env", "info", "--executable", "--no-interaction"],
                cwd=folder, capture_output=True, text=True, timeout=POETRY_TIMEOUT, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            continue
        if told.returncode == 0 and told.stdout.strip():
            yield Path(told.stdout.strip().splitlines()[-1]), "poetry"


def _from_pdm(root: Path) -> Iterator[tuple[Path, str]]:
    for folder in (root, root / "backend"):
        try:
            named = (folder / ".pdm-python").read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if named:
            yield Path(named), "pdm"


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    windows = environment / "Scripts" / "python.exe"
    return windows if windows.is_file() else environment / "bin" / "python"


def has_package(executable: Path, package: str) -> bool:
    """Whether an environment holds a package, by its files; True when that cannot be told without running it."""
    environment = executable.parent.parent
    config = environment / "pyvenv.cfg"
    try:
        text = config.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return True
    settings = dict(line.replace(" ", "").lower().split("=", 1) for line in text.splitlines() if "=" in line)
    if settings.get("include-system-site-packages") == "true":
        return True
    places = [*environment.glob("lib/python*/site-packages"), environment / "Lib" / "site-packages"]
    return any((place / package).is_dir() for place in places)
