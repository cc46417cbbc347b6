"""The real server as a process of its own: its lines in and out, what it still owes an answer, its last words."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from launcher.environment import CREDENTIALS

LAST_WORDS = 20
Message = dict[str, Any]


class ServerProcess:
    """A server that was started. owed: the requests it has not answered, by id. answered: whether it ever said anything."""

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.owed: dict[Any, tuple[Message, bytes]] = {}
        self.answered = False
        self._words: deque[str] = deque(maxlen=LAST_WORDS)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def greet(self, initialize: bytes, initialized: bytes) -> None:
        """Repeat the client's handshake; the answer goes to nobody."""
        self.send(initialize)
        assert self.process.stdout is not None
        self.answered = bool(self.process.stdout.readline())
        self.send(initialized)

    def ask(self, message: Message, line: bytes) -> None:
        """Pass a message of the client on; a request is owed an answer from then on."""
        if "id" in message and "method" in message:
            self.owed[_key(message["id"])] = (message, line)
        self.send(line)

    def send(self, line: bytes) -> None:
        """Write a line to the server; one that ended is noticed by `read`."""
        with suppress(OSError, ValueError):
            assert self.process.stdin is not None
            self.process.stdin.write(line)
            self.process.stdin.flush()

    def read(self, write: Callable[[bytes], None]) -> int:
        """Hand every line of the server to `write` until it ends. Its exit code."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answered = True
            with suppress(ValueError, AttributeError, TypeError):
                message = json.loads(line)
                if "method" not in message:
                    self.owed.pop(_key(message.get("id")), None)
            write(line)
        code = self.process.wait()
        self._listener.join(1)
        return code

    def close(self, patience: float) -> None:
        """Close its stdin, as a client does that leaves, and wait for its end."""
        with suppress(OSError, subprocess.TimeoutExpired):
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.wait(timeout=patience)

    def end(self) -> None:
        """End it now."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=4)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def last_words(self) -> str:
        """The end of what it wrote to its log."""
        return CREDENTIALS.sub("://***@", " ".join(self._words))[-300:]

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            text = line.decode("utf-8", "replace")
            self._words.append(text.strip())
            sys.stderr.write(text)
            sys.stderr.flush()


def _key(number: Any) -> str:
    return json.dumps(number)
