"""Starts the user's interpreter, hands it one request, reads one answer. The only way to run user code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_server.errors import ConfigError
from mcp_server.world.interpreter import Interpreter

START = Path(__file__).with_name("guest") / "__main__.py"
KEPT_OUTPUT = 16_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a result or an error. output: the end of what the code printed. timed_out: no answer in time."""

    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    timed_out: bool = False


async def visit(
    interpreter: Interpreter, request: Mapping[str, Any], *, folder: Path, environment: Mapping[str, str], limit: float
) -> Answer:
    """Run a request in the user's interpreter, in `folder`, for at most `limit` seconds.

    The process and all it started end with this call, also when it is cancelled. Raises ConfigError when the
    interpreter cannot be started.
    """
    with tempfile.TemporaryDirectory(prefix="dbarch-guest-") as exchange:
        place = Path(exchange)
        (place / "request.json").write_text(json.dumps(request), "utf-8")
        process = await _start(interpreter, place, folder, environment)
        output = asyncio.create_task(_last_output(process))
        try:
            async with asyncio.timeout(limit):
                await process.wait()
            timed_out = False
        except TimeoutError:
            timed_out = True
        finally:
            await _end(process)
            printed = await _printed(output)
        return _read_answer(place, printed, timed_out)


async def _start(
    interpreter: Interpreter, exchange: Path, folder: Path, environment: Mapping[str, str]
) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            str(interpreter.executable), "-X", "utf8", str(START), str(exchange),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            cwd=folder, env=dict(environment), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(
            f"The interpreter {interpreter} cannot be started: {error.strerror or error}.",
            'Name another: [tool.dbarch] python = "path/to/.venv" in pyproject.toml.',
        ) from error


async def _last_output(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    kept = b""
    while chunk := await process.stdout.read(65_536):
        kept = (kept + chunk)[-KEPT_OUTPUT:]
    return kept


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the process and the group it leads. It is ended by signal, as user code may ignore anything milder."""
    if process.stdin is not None:
        process.stdin.close()
    if sys.platform == "win32":
        if process.returncode is None:
            process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _printed(output: asyncio.Task[bytes]) -> str:
    """What was printed. A grandchild that left the group may hold the pipe open: it is not waited for."""
    done, _ = await asyncio.wait({output}, timeout=1.0)
    if not done:
        output.cancel()
        return ""
    return output.result().decode("utf-8", "replace")


def _read_answer(exchange: Path, printed: str, timed_out: bool) -> Answer:
    try:
        document = json.loads((exchange / "answer.json").read_text("utf-8"))
    except (OSError, ValueError):
        return Answer(output=printed, timed_out=timed_out)
    return Answer(
        document.get("result"), document.get("error") or {}, document.get("versions") or {}, printed, timed_out
    )
