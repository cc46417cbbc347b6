"""squawk's opinion on SQL, as a second one beside our own. https://squawkhq.com

It judges the text alone. Where it is not installed, or does not answer in time, there is no second opinion.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

LIMIT = 20.0
LONGEST = 2_000_000


@dataclass(frozen=True, slots=True)
class Opinion:
    """One of its findings. line: from 1. level: "Error" or "Warning"."""

    rule: str
    line: int
    message: str
    level: str = "Warning"


def find_squawk() -> str:
    """The program: beside our interpreter, else on the PATH; "" when there is none."""
    beside = Path(sys.executable).with_name("squawk.exe" if sys.platform == "win32" else "squawk")
    return str(beside) if beside.exists() else shutil.which("squawk") or ""


async def ask_squawk(sql: str, major: int, *, in_transaction: bool) -> tuple[Opinion, ...] | None:
    """What it says of a text; None when it is not there or says nothing that can be read.

    major: of Postgres. in_transaction: whether the text runs inside of one, as Alembic's revisions do.
    """
    program = find_squawk()
    if not program or len(sql) > LONGEST:
        return None
    words = [program, "--reporter", "json", "--pg-version", f"{major}.0", "--no-error-on-unmatched-pattern"]
    words += ["--assume-in-transaction"] if in_transaction else []
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(sys.executable).anchor,
    )
    try:
        async with asyncio.timeout(LIMIT):
            output, _ = await process.communicate(sql.encode())
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _opinions(output)


def _opinions(output: bytes) -> tuple[Opinion, ...] | None:
    try:
        found = json.loads(output or b"[]")
        return tuple(
            Opinion(one["rule_name"], one["line"] + 1, one["message"], one.get("level", "Warning")) for one in found
        )
    except (ValueError, KeyError, TypeError):
        return None
