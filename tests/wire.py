"""A client that writes and reads JSON-RPC lines itself, for tests of processes that speak MCP over stdio."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Wire:
    """A process that serves MCP. Every line of its stdout must be JSON."""

    def __init__(
        self, command: Sequence[str], *, era: str, cwd: Path, environ: Mapping[str, str], patience: float = 60
    ) -> None:
        self.era = era
        self.patience = patience
        self.others: list[dict[str, Any]] = []
        self._lines: Queue[bytes] = Queue()
        self._number = 0
        self.process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(environ),
        )
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._listen)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join(10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    @property
    def log(self) -> str:
        """What was written to stderr so far."""
        return "".join(self.errors)

    def start(self) -> dict[str, Any]:
        """The handshake of the era; its result."""
        if self.era == "2026-07-28":
            return self.ask("server/discover")
        client = {"name": "wire", "version": "1"}
        result = self.ask("initialize", protocolVersion=self.era, capabilities={}, clientInfo=client)
        self.tell("notifications/initialized")
        return result

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a request."""
        answer = self.answer(self.send(method, **params))
        assert "result" in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def call(self, tool: str, **arguments: Any) -> tuple[str, bool]:
        """The text of a tool's answer, and whether it is an error."""
        result = self.ask("tools/call", name=tool, arguments=arguments)
        return result["content"][0]["text"], bool(result.get("isError"))

    def send(self, method: str, **params: Any) -> int:
        """Send a request and return its id."""
        self._number += 1
        if self.era == "2026-07-28":
            params["_meta"] = {**META, **params.get("_meta", {})}
        self._write({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        return self._number

    def tell(self, method: str, **params: Any) -> None:
        """Send a notification."""
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    def answer(self, number: int) -> dict[str, Any]:
        """The answer to the request of that id; what comes before it is kept in `others`."""
        while True:
            message = self.next()
            if message.get("id") == number and "method" not in message:
                return message
            self.others.append(message)

    def next(self) -> dict[str, Any]:
        """The next message."""
        try:
            line = self._lines.get(timeout=self.patience)
        except Empty:
            raise AssertionError(f"nothing was said for {self.patience} s; the log is: {self.log}") from None
        assert line, f"it ended; the log is: {self.log}"
        message: dict[str, Any] = json.loads(line)
        return message

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.decode(errors="replace"))
