"""An MCP server that stands in until the real one is installed, then passes every line between it and the client.

It answers what a client asks at the start: the handshake of both protocol eras, and the lists, from a snapshot of the
real server's (catalogue.json). A call waits until the packages are installed and goes to the real server then; it is
answered with the reason when they cannot be installed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from launcher.environment import CannotInstall, Environment, server_command

HANDSHAKE_VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN_VERSIONS = ("2026-07-28",)
VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
SERVER_KEY = "io.modelcontextprotocol/serverInfo"
PATIENCE = 240.0
TICK = 5.0
INSTRUCTIONS = (
    "dbarch is installing its packages; this happens once, at the first start or after an update. "
    "A call waits until they are there (a minute, as a rule) and is then carried out."
)
LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
Message = dict[str, Any]


class Waiting:
    """A request that waits for the server."""

    def __init__(self, message: Message, line: bytes) -> None:
        self.message = message
        self.line = line
        self.since = time.monotonic()
        self.told = 0


class StandIn:
    """One client on stdin and stdout; one installation; one server afterwards.

    `_lock` guards the state: the requests that wait, and the server once it is there.
    """

    def __init__(self, environment: Environment, root: Path) -> None:
        self.environment = environment
        self.root = root
        self.catalogue = json.loads((root / "launcher" / "catalogue.json").read_text("utf-8"))
        self._lock = threading.RLock()
        self._output_lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._initialize: Waiting | None = None
        self._initialized = b""
        self._state = "starting"
        self._failure = ""
        self._server: subprocess.Popen[bytes] | None = None
        self._builder: threading.Thread | None = None

    def serve(self) -> int:
        """Serve until the client leaves or the server ends. Returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._end(0))
        self._start_building()
        threading.Thread(target=self._keep_telling, daemon=True).start()
        for line in sys.stdin.buffer:
            self._receive(line)
        if self._server is not None and self._server.stdin is not None:
            self._server.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._server.wait(timeout=5)
        self._end(0)
        return 0

    # The client's messages ------------------------------------------------------------------------------------

    def _receive(self, line: bytes) -> None:
        with self._lock:
            if self._server is not None:
                self._pass_on(line)
                return
            try:
                message = json.loads(line)
            except ValueError:
                return
            if isinstance(message, dict):
                self._answer(message, line)

    def _answer(self, message: Message, line: bytes) -> None:
        method = message.get("method")
        if "id" not in message or method is None:
            self._note(message, line)
        elif method == "initialize":
            self._initialize = Waiting(message, line)
            self._result(message, self._handshake(message.get("params") or {}))
        elif method == "server/discover":
            self._result(message, self._discovery())
        elif method == "ping":
            self._result(message, {})
        elif method in LISTS:
            self._result(message, self._list(LISTS[method], message))
        else:
            self._waiting.append(Waiting(message, line))
            if self._failure:
                self._start_building()

    def _note(self, message: Message, line: bytes) -> None:
        """A notification: two of them matter later."""
        if message.get("method") == "notifications/initialized":
            self._initialized = line
        if message.get("method") == "notifications/cancelled":
            gone = (message.get("params") or {}).get("requestId")
            self._waiting = [waiting for waiting in self._waiting if waiting.message["id"] != gone]

    def _handshake(self, params: Message) -> Message:
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in HANDSHAKE_VERSIONS else HANDSHAKE_VERSIONS[-1],
            "capabilities": {"tools": {"listChanged": True}, "resources": {}, "prompts": {}},
            "serverInfo": self.catalogue["serverInfo"],
            "instructions": self._instructions(),
        }

    def _discovery(self) -> Message:
        return self._modern(
            {
                "supportedVersions": list(MODERN_VERSIONS),
                "capabilities": {"tools": {"listChanged": True}, "resources": {}, "prompts": {}},
                "instructions": self._instructions(),
            }
        )

    def _instructions(self) -> str:
        return f"dbarch cannot start. {self._failure}" if self._failure else INSTRUCTIONS

    def _list(self, key: str, message: Message) -> Message:
        listed = {key: self.catalogue[key]}
        return self._modern(listed) if _is_modern(message) else listed

    def _modern(self, result: Message) -> Message:
        frame = {"resultType": "complete", "cacheScope": "private", "ttlMs": 0}
        return {**result, **frame, "_meta": {SERVER_KEY: self.catalogue["serverInfo"]}}

    # The installation -----------------------------------------------------------------------------------------

    def _start_building(self) -> None:
        self._failure = ""
        if self._builder is None or not self._builder.is_alive():
            self._builder = threading.Thread(target=self._build, daemon=True)
            self._builder.start()

    def _build(self) -> None:
        try:
            python = self.environment.build(self._tell)
            self._hand_over(server_command(python, self.root))
        except (CannotInstall, OSError) as error:
            with self._lock:
                self._failure = str(error)
                self._tell(f"failed: {error}")
                waiting, self._waiting = self._waiting, []
                for one in waiting:
                    self._refuse(one, f"dbarch cannot start. {error}")

    def _tell(self, state: str) -> None:
        self._state = state
        sys.stderr.write(f"dbarch launcher: {state}\n")
        sys.stderr.flush()

    def _keep_telling(self) -> None:
        """Progress for those who wait, and an end to their waiting."""
        while True:
            time.sleep(TICK)
            with self._lock:
                for one in list(self._waiting):
                    if time.monotonic() - one.since > PATIENCE:
                        self._waiting.remove(one)
                        self._refuse(one, f"dbarch is still installing ({self._state}). Call again in a minute.")
                    else:
                        self._progress(one)

    def _progress(self, one: Waiting) -> None:
        token = ((one.message.get("params") or {}).get("_meta") or {}).get("progressToken")
        if token is not None:
            one.told += 1
            params = {"progressToken": token, "progress": one.told, "message": f"installing: {self._state}"}
            self._send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def _refuse(self, one: Waiting, why: str) -> None:
        if one.message["method"] == "tools/call":
            result: Message = {"content": [{"type": "text", "text": why}], "isError": True}
            self._result(one.message, self._modern(result) if _is_modern(one.message) else result)
        else:
            error = {"code": -32603, "message": why}
            self._send({"jsonrpc": "2.0", "id": one.message["id"], "error": error})

    # The server -----------------------------------------------------------------------------------------------

    def _hand_over(self, command: list[str]) -> None:
        """Start the server, repeat the client's handshake to it, and give it what waits."""
        with self._lock:
            self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert self._server.stdout is not None
            if self._initialize is not None:
                self._pass_on(self._initialize.line)
                self._server.stdout.readline()
                self._pass_on(self._initialized)
                self._send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                self._pass_on(one.line)
        threading.Thread(target=self._pass_back, args=(self._server.stdout,), daemon=True).start()

    def _pass_on(self, line: bytes) -> None:
        if self._server is None or self._server.stdin is None:
            return
        with suppress(OSError):  # When the server ended, _pass_back sees it too and ends us.
            self._server.stdin.write(line)
            self._server.stdin.flush()

    def _pass_back(self, output: BinaryIO) -> None:
        for line in output:
            self._write(line)
        assert self._server is not None
        self._end(self._server.wait())

    # Our own messages -----------------------------------------------------------------------------------------

    def _result(self, message: Message, result: Message) -> None:
        self._send({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def _send(self, message: Message) -> None:
        self._write(json.dumps(message).encode("ascii") + b"\n")

    def _write(self, line: bytes) -> None:
        with self._output_lock:
            try:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            except OSError:
                os._exit(0)

    def _end(self, code: int) -> None:
        """End the installer or the server, and ourselves; nothing here may take long."""
        self.environment.stop()
        if self._server is not None and self._server.poll() is None:
            self._server.terminate()
            try:
                self._server.wait(timeout=4)
            except subprocess.TimeoutExpired:
                self._server.kill()
        os._exit(code)


def _is_modern(message: Message) -> bool:
    return ((message.get("params") or {}).get("_meta") or {}).get(VERSION_KEY) in MODERN_VERSIONS
