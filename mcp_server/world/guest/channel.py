"""The way to and from the process that asked: JSON in frames, `<length>\\n<bytes>`, over our standard streams.

Nothing else uses them afterwards: what user code prints goes to standard error, and it can read nothing. When the
process that asked ends, so do we: its end of our standard input then closes.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import Any

# What an interpreter's start-up printed before (a .pth file, sitecustomize) ends here.
GREETING = b"\x1edbarch guest\n"


class Channel:
    """Says things to whoever asked, and waits for what is said to us."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._heard: queue.Queue[Any] = queue.Queue()
        self._write(GREETING)
        threading.Thread(target=self._listen, name="dbarch-watch", daemon=True).start()

    def receive(self) -> Any:
        """Wait for the next thing that is said."""
        return self._heard.get()

    def send(self, document: dict[str, Any]) -> None:
        """Say something."""
        payload = json.dumps(document, default=str).encode("utf-8", "surrogateescape")
        self._write(b"%d\n" % len(payload) + payload)

    def ask(self, document: dict[str, Any]) -> dict[str, Any]:
        """Say something and wait for the reply."""
        self.send(document)
        reply: dict[str, Any] = self.receive()
        return reply

    def _write(self, payload: bytes) -> None:
        while payload:
            payload = payload[os.write(self._outgoing, payload) :]

    def _listen(self) -> None:
        with os.fdopen(self._incoming, "rb") as stream:
            while True:
                length = stream.readline()
                payload = stream.read(int(length)) if length else b""
                if not length or len(payload) < int(length):
                    os._exit(3)
                self._heard.put(json.loads(payload))


def open_channel() -> Channel:
    """Take the standard streams over."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdout.flush()
    os.dup2(2, 1)
    return Channel(incoming, outgoing)
