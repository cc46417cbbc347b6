"""An MCP server that answers at once, and passes every line between the client and the real server once that is there.

The real one takes a second to start, and a minute or more when its packages must be installed first. Until then this answers
what a client asks at the start: the handshake of both protocol eras, and the lists, from a snapshot of the real server's
(catalogue.json). A call waits and goes to the real server then; it is answered with the reason when there can be none. A server
that ends is started anew by the next request.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from launcher.environment import CannotInstall, Environment, server_command
from launcher.handshake import INSTALLING, LISTS, Message, discovery, handshake, in_era, of_project, read_catalogue
from launcher.server_process import ServerProcess

PATIENCE = 240.0
TICK = 5.0
GREETING = 1.0


class Waiting:
    """A request that waits for the server."""

    def __init__(self, message: Message, line: bytes) -> None:
        self.message = message
        self.line = line
        self.since = time.monotonic()
        self.told = 0


class StandIn:
    """One client on stdin and stdout, and the servers that serve it, one after the other.

    environment: where the server's packages are or will be, None when `python` names an interpreter that has them.
    `_lock` guards the state: the requests that wait, and the server once it is there.
    """

    def __init__(self, environment: Environment | None, root: Path, python: str = "") -> None:
        self.environment = environment
        self.root = root
        self.python = python
        self.is_ready = environment is None or environment.ready() is not None
        self.catalogue = read_catalogue(root / "launcher" / "catalogue.json")
        self._lock = threading.RLock()
        self._output_lock = threading.Lock()
        self._waiting: list[Waiting] = []
        self._initialize: Waiting | None = None
        self._initialized = b""
        self._greeted = threading.Event()
        self._state = "starting"
        self._failure = ""
        self._distrusted = False
        self._server: ServerProcess | None = None
        self._builder: threading.Thread | None = None

    def serve(self) -> int:
        """Serve until the client leaves. Returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._end(0))
        self._start_building()
        threading.Thread(target=self._keep_telling, daemon=True).start()
        for line in sys.stdin.buffer:
            self._receive(line)
        if self._server is not None:
            self._server.close(5)
        self._end(0)
        return 0

    # The client's messages ------------------------------------------------------------------------------------

    def _receive(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return
        with self._lock:
            if isinstance(message, dict) and message.get("method") == "notifications/initialized":
                self._initialized = line
            if self._server is not None:
                self._server.ask(message if isinstance(message, dict) else {}, line)
            elif isinstance(message, dict):
                self._answer(message, line)

    def _answer(self, message: Message, line: bytes) -> None:
        method = message.get("method")
        if "id" not in message or method is None:
            self._note(message)
        elif method == "initialize":
            self._initialize = Waiting(message, line)
            self._result(message, handshake(message, self.catalogue, self._instructions(), self.is_ready))
            self._greeted.set()
        elif method == "server/discover":
            self._result(message, discovery(self.catalogue, self._instructions()))
            self._greeted.set()
        elif method == "ping":
            self._result(message, {})
        elif method in LISTS:
            self._result(message, in_era(message, {LISTS[method]: self.catalogue[LISTS[method]]}, self.catalogue))
        else:
            self._waiting.append(Waiting(message, line))
            self._greeted.set()
            self._start_building()

    def _note(self, message: Message) -> None:
        """A notification: a call that the client gives up is not carried out later."""
        if message.get("method") == "notifications/cancelled":
            gone = (message.get("params") or {}).get("requestId")
            self._waiting = [waiting for waiting in self._waiting if waiting.message["id"] != gone]

    def _instructions(self) -> str:
        if self._failure:
            return f"dbarch cannot start. {self._failure}"
        known = of_project()
        if self.is_ready and known:
            return known
        return f"{INSTALLING}\n{known}".rstrip()

    # The installation and the server --------------------------------------------------------------------------

    def _start_building(self) -> None:
        """Bring a server about, unless that is under way."""
        if self._builder is None or not self._builder.is_alive():
            self._failure = ""
            self._builder = threading.Thread(target=self._build, daemon=True)
            self._builder.start()

    def _build(self) -> None:
        self._greeted.wait(GREETING)  # the client's first question comes first: the server's start takes the processor
        try:
            python = self.python or (self.environment.build(self._tell) if self.environment is not None else "")
            server = self._started(server_command(python, self.root, uncached=self._distrusted))
        except (CannotInstall, OSError) as error:
            named = f"DBARCH_SERVER_PYTHON is {self.python}: " if self.python else ""
            self._fail(f"dbarch cannot start. {named}{error}")
            return
        threading.Thread(target=self._pass_back, args=(server,), daemon=True).start()

    def _started(self, command: list[str]) -> ServerProcess:
        """Start the server, repeat the client's handshake to it, and give it what waits."""
        server = ServerProcess(command)
        greeted = self._initialize
        if greeted is not None:
            server.greet(greeted.line, b"")
        with self._lock:
            if greeted is not None:
                server.send(self._initialized)
            elif self._initialize is not None:
                server.greet(self._initialize.line, self._initialized)
            self._server = server
            was_ready, self.is_ready = self.is_ready, True
            if greeted is not None and not was_ready:
                self._send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                server.ask(one.message, one.line)
        return server

    def _pass_back(self, server: ServerProcess) -> None:
        code = server.read(self._write)
        with self._lock:
            self._server, owed = None, [Waiting(*one) for one in server.owed.values()]
            if not server.answered and self.environment is not None and not self._distrusted:
                self._distrusted = True
                self._tell("the server did not start; its packages are installed anew")
                self.environment.distrust()
                self._waiting = owed + self._waiting
                self._start_after(self._builder)
                return
        said = server.last_words()
        why = f"The server of dbarch ended (exit code {code}). " + (f"Its last words: {said}. " if said else "")
        for one in owed:
            self._refuse(one, f"{why}Call again: it is started anew.")

    def _start_after(self, builder: threading.Thread | None) -> None:
        """Build again; the thread that brought the server about is at its end, if not quite past it."""
        if builder is not None:
            builder.join(5)
        self._start_building()

    def _fail(self, why: str) -> None:
        with self._lock:
            self._failure = why.partition(". ")[2]
            self._tell(f"failed: {self._failure}")
            waiting, self._waiting = self._waiting, []
        for one in waiting:
            self._refuse(one, why)

    def _tell(self, state: str) -> None:
        self._state = state
        with suppress(OSError, ValueError):
            sys.stderr.write(f"dbarch launcher: {state}\n")
            sys.stderr.flush()

    def _doing(self) -> str:
        """What the client waits for, in words."""
        if self.is_ready:
            return "starting"
        percent = self.environment.percent if self.environment is not None else 0
        return f"installing, {percent} %: {self._state}"

    def _keep_telling(self) -> None:
        """Progress for those who wait, and an end to their waiting."""
        while True:
            time.sleep(TICK)
            with self._lock:
                for one in list(self._waiting):
                    if time.monotonic() - one.since > PATIENCE:
                        self._waiting.remove(one)
                        self._refuse(one, f"dbarch is {self._doing()}. Call again in a minute.", is_error=False)
                    else:
                        self._progress(one)

    def _progress(self, one: Waiting) -> None:
        token = ((one.message.get("params") or {}).get("_meta") or {}).get("progressToken")
        if token is not None:
            one.told += 1
            params = {"progressToken": token, "progress": one.told, "message": self._doing()}
            self._send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def _refuse(self, one: Waiting, why: str, *, is_error: bool = True) -> None:
        if one.message["method"] == "tools/call":
            result: Message = {"content": [{"type": "text", "text": why}], "isError": is_error}
            self._result(one.message, in_era(one.message, result, self.catalogue))
        else:
            error = {"code": -32603, "message": why}
            self._send({"jsonrpc": "2.0", "id": one.message["id"], "error": error})

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
        if self.environment is not None:
            self.environment.stop()
        if self._server is not None:
            self._server.end()
        os._exit(code)
