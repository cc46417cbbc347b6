"""Killed at any moment, a run leaves no database, no process and no half-written file.

`DBARCH_KILLS=50` kills fifty times; the usual handful is spread over the whole run.
"""

from __future__ import annotations

import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_server.world.owner import read_owner
from mcp_server.world.sandbox import Sandboxes, open_sandboxes
from tests.opened import PROJECTS
from tests.servers import wait_for_end, wait_for_rest

pytestmark = pytest.mark.anyio

KILLS = int(os.environ.get("DBARCH_KILLS", "5"))


def fresh(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(PROJECTS / "todo_chatbot", root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


def start(root: Path, cache: Path) -> subprocess.Popen[bytes]:
    """A run of the command in a process of its own, whose children all carry the project's path in their environment."""
    command = [sys.executable, "-m", "mcp_server", "autogenerate-migration", "first tables", "--project", str(root)]
    return subprocess.Popen(
        command,
        env={**os.environ, "DBARCH_CACHE_DIR": str(cache), "TMPDIR": str(root.parent), "MARK_OF_THIS_TEST": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def living(root: Path) -> list[int]:
    """The processes that were started for a project and have not ended, whoever their parent is now."""
    mark = f"MARK_OF_THIS_TEST={root}".encode()
    return [pid for pid in processes() if mark in environment(pid)]


def processes() -> Iterator[int]:
    yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def files(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and ".dbarch" not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


def check_files(seen: dict[str, bytes], before: dict[str, bytes], whole: dict[str, bytes]) -> None:
    """Every file is as it was, or as a whole run leaves it; a revision is a whole program."""
    assert before.items() <= seen.items()
    for name in seen.keys() - before.keys():
        if name.startswith("alembic/versions/"):
            functions = [node.name for node in ast.parse(seen[name]).body if isinstance(node, ast.FunctionDef)]
            assert functions == ["upgrade", "downgrade"]
            assert {"alembic.ini", "alembic/env.py", "alembic/script.py.mako"} <= seen.keys()
        else:
            assert seen[name] == whole[name]


async def databases(sandboxes: Sandboxes) -> list[str]:
    """The databases of processes that are gone, after the sweep that every start does."""
    await sandboxes.sweep()
    return [name for name in await sandboxes._names() if (owner := read_owner(name)) and owner.is_gone()]


async def test_a_run_killed_at_any_moment_leaves_nothing_half_done(tmp_path: Path, used: Path) -> None:
    before = files(fresh(tmp_path / "whole"))
    async with await open_sandboxes(cache=used) as sandboxes:
        await sandboxes.start()
        began = time.monotonic()
        assert start(tmp_path / "whole", used).wait() == 0
        length = time.monotonic() - began
        whole = files(tmp_path / "whole")
        chance = random.Random(7)
        for number in range(KILLS):
            root = fresh(tmp_path / f"killed-{number}")
            run = start(root, used)
            try:
                run.wait(timeout=length * (number + chance.random()) / KILLS)
            except subprocess.TimeoutExpired:
                run.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            run.wait()
            while left := living(root):
                wait_for_end(left[0])
            check_files(files(root), before, whole)
            assert await databases(sandboxes) == []
            shutil.rmtree(root)
    wait_for_rest(used)


PLACER = """
import sys
from pathlib import Path
from mcp_server.model.orm import History
from mcp_server.world.ledger import Ledger
from mcp_server.world.revision_files import place

root = Path(sys.argv[1])
text = "".join(f"line {number}\\n" for number in range(20_000))
print("ready", flush=True)
for number in range(100_000):
    folder = root / str(number)
    place(root, {folder / "env.py": text, folder / "revision.py": text}, History(), Ledger(root))
"""


def test_a_file_is_whole_or_absent_and_the_revision_comes_last(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(20_000)).encode()
    chance = random.Random(7)
    for number in range(5):
        root = tmp_path / str(number)
        root.mkdir()
        with subprocess.Popen([sys.executable, "-c", PLACER, str(root)], stdout=subprocess.PIPE) as run:
            assert run.stdout is not None
            run.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                run.wait(timeout=0.1 + chance.random() / 5)
            run.kill()
        folders = [path for path in root.iterdir() if path.name.isdigit()]
        assert folders
        for folder in folders:
            found = {path.name: path.read_bytes() for path in folder.iterdir()}
            assert set(found.values()) <= {text}
            assert "revision.py" not in found or "env.py" in found
