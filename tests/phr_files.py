"""What the tests of records need: projects on disk, strict readers, and writers in processes of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from mcp_server.model.record import Record
from mcp_server.world.ledger import Ledger
from mcp_server.world.records import Written, write_record

NO_ENVIRONMENT: dict[str, str] = {"GIT_AUTHOR_NAME": "Ada"}

WRITER = """
import sys
from pathlib import Path
from mcp_server.model.record import Record
from mcp_server.world.ledger import Ledger
from mcp_server.world.records import write_record

root, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
ledger = Ledger(root)
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    draft = Record(title=f"{name} {number}", stage="general", prompt=f"prompt of {name} {number} " * 400)
    written = write_record(root, draft, ledger, environ={"GIT_AUTHOR_NAME": "Ada"})
    print(written.record.path, flush=True)
"""


class CoreLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2's core schema: what parsers outside of Python make of a plain scalar."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+0123456789."),
    ("null", r"null|Null|NULL|~|", ["n", "N", "~", ""]),
):  # fmt: skip
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), list(first))


def strictly(path: Path) -> dict[str, Any]:
    """The front matter of a file, which YAML 1.1 and YAML 1.2 must read alike."""
    text = path.read_bytes().decode()
    assert text.startswith("---\n")
    front = text[4 : text.index("\n---\n", 3) + 1]
    data = yaml.safe_load(front)
    assert data == yaml.load(front, CoreLoader)
    assert isinstance(data, dict)
    return data


def write(root: Path, ledger: Ledger | None = None, **given: Any) -> Written:
    """A record of a few given values, written in a world without environment."""
    environ = given.pop("environ", NO_ENVIRONMENT)
    values: dict[str, Any] = {"title": "Add tags", "stage": "general", "prompt": "please add tags"} | given
    return write_record(root, Record(**values), ledger or Ledger(root), environ=environ)


def start_writer(root: Path, name: str, count: int) -> subprocess.Popen[str]:
    """A process that writes `count` records once it reads a line."""
    process = subprocess.Popen(
        (sys.executable, "-c", WRITER, str(root), name, str(count)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    """Let a writer begin."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
