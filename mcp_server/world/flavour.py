"""What the project's interpreter has, asked without importing any of it -> Flavour."""

from __future__ import annotations

import json
import re
import subprocess

from mcp_server.errors import ConfigError
from mcp_server.model.design import Flavour
from mcp_server.world.interpreter import Interpreter

SECONDS = 30.0
_ASK = """
import json, sys
from importlib import metadata
found = {"python": "%d.%d.%d" % sys.version_info[:3]}
for name in ("sqlmodel", "sqlalchemy", "asyncpg"):
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = ""
print(json.dumps(found))
"""


def read_flavour(interpreter: Interpreter) -> Flavour:
    """The versions that an interpreter has. Raises ConfigError when it cannot be asked."""
    try:
        told = subprocess.run(
            [str(interpreter.executable), "-I", "-c", _ASK], capture_output=True, text=True, timeout=SECONDS, check=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        found: dict[str, str] = json.loads(told.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        raise ConfigError(
            f"The interpreter {interpreter} did not tell what it has: {type(error).__name__}.",
            'Name another: [tool.dbarch] python = "path/to/.venv" in pyproject.toml.',
        ) from error
    return Flavour(
        python=_numbers(found["python"]),
        sqlmodel=_numbers(found["sqlmodel"]),
        sqlalchemy=_numbers(found["sqlalchemy"]),
        driver="asyncpg" if found["asyncpg"] else "",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
