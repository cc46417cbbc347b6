"""Starts the user's interpreter, hands it one request, hears what it says until its answer. The only way to run user code.

Request, answer and all between go through the process's standard streams, see guest/channel.py: nothing is left on the
disk, however either side ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_server.errors import ConfigError
from mcp_server.world.guest.channel import GREETING
from mcp_server.world.interpreter import Interpreter

START = Path(__file__).with_name("guest") / "__main__.py"
KEPT_OUTPUT = 16_000
LAST_WORDS = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a result or an error. output: the end of what the code printed. timed_out: no answer in time."""

    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    timed_out: bool = False


class Guest:
    """A process of the user's interpreter that works on a request. limit: seconds that it may be silent when it is heard."""

    def __init__(self, process: asyncio.subprocess.Process, limit: float) -> None:
        self._process = process
        self.limit = limit
        self._greeted = False
        self._prelude = b""
        self._document: Mapping[str, Any] | None = None
        self._timed_out = False
        self._answer: Answer | None = None
        self._output = asyncio.create_task(_last_output(process))
        self._ended = asyncio.create_task(process.wait())

    @property
    def has_ended(self) -> bool:
        """Whether it can be told nothing any more."""
        return self._ended.done() or self._document is not None or self._timed_out

    async def hear(self) -> Mapping[str, Any] | None:
        """The next thing it says that wants a reply; None when it has answered, ended, or was silent for too long."""
        if self._document is not None or self._timed_out:
            return None
        reading = asyncio.create_task(self._read())
        try:
            await asyncio.wait((reading, self._ended), timeout=self.limit, return_when=asyncio.FIRST_COMPLETED)
            if self._ended.done():  # a grandchild that left the group may hold the pipe open: it is not waited for
                await asyncio.wait((reading,), timeout=LAST_WORDS)
            self._timed_out = not reading.done() and not self._ended.done()
            said = reading.result() if reading.done() else None
        finally:
            if not reading.done():
                await _cancel(reading)
        if said is not None and said["say"] == "answer":
            self._document, said = said, None
        return said

    async def reply(self, document: Mapping[str, Any]) -> None:
        """Let it go on. A guest that has ended meanwhile is found out by hear()."""
        assert self._process.stdin is not None
        payload = json.dumps(document).encode()
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(b"%d\n" % len(payload) + payload)
            await self._process.stdin.drain()

    async def end(self) -> Answer:
        """End the process and the group it leads; -> what it answered."""
        if self._answer is None:
            self._answer = await self._end()
        return self._answer

    async def _end(self) -> Answer:
        await _end(self._process)
        await self._ended
        printed = self._prelude.decode("utf-8", "replace") + await _printed(self._output)
        if self._document is None:
            return Answer(output=printed, timed_out=self._timed_out)
        said = self._document
        return Answer(said.get("result"), said.get("error") or {}, said.get("versions") or {}, printed)

    async def _read(self) -> Mapping[str, Any] | None:
        stream = self._process.stdout
        assert stream is not None
        try:
            if not self._greeted:
                self._prelude = (await stream.readuntil(GREETING)).removesuffix(GREETING)[-KEPT_OUTPUT:]
                self._greeted = True
            length = int(await stream.readuntil(b"\n"))
            document: Mapping[str, Any] = json.loads(await stream.readexactly(length))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            return None
        return document


@asynccontextmanager
async def visiting(
    interpreter: Interpreter, request: Mapping[str, Any], *, folder: Path, environment: Mapping[str, str], limit: float
) -> AsyncIterator[Guest]:
    """A guest that works on a request in the user's interpreter, in `folder`, for the length of a block.

    The process and all it started end with the block, also when it is cancelled. Raises ConfigError when the
    interpreter cannot be started.
    """
    guest = Guest(await _start(interpreter, folder, environment), limit)
    try:
        await guest.reply(request)
        yield guest
    finally:
        await guest.end()


async def visit(
    interpreter: Interpreter, request: Mapping[str, Any], *, folder: Path, environment: Mapping[str, str], limit: float
) -> Answer:
    """Run a request that needs no replies, for at most `limit` seconds; as visiting()."""
    async with visiting(interpreter, request, folder=folder, environment=environment, limit=limit) as guest:
        await guest.hear()
        return await guest.end()


async def _start(interpreter: Interpreter, folder: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            str(interpreter.executable), "-X", "utf8", str(START),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            cwd=folder, env=dict(environment), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise ConfigError(
            f"The interpreter {interpreter} cannot be started: {error.strerror or error}.",
            'Name another: [tool.dbarch] python = "path/to/.venv" in pyproject.toml.',
        ) from error


async def _last_output(process: asyncio.subprocess.Process) -> bytes:
    assert process.stderr is not None
    kept = b""
    while chunk := await process.stderr.read(65_536):
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


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _printed(output: asyncio.Task[bytes]) -> str:
    """What was printed. A grandchild that left the group may hold the pipe open: it is not waited for."""
    done, _ = await asyncio.wait({output}, timeout=LAST_WORDS)
    if not done:
        output.cancel()
        return ""
    return "" if output.cancelled() else output.result().decode("utf-8", "replace")
