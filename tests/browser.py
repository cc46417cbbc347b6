"""A headless Chromium, spoken to over pipes: pages are opened, typed into, asked and pictured.

Protocol: https://chromedevtools.github.io/devtools-protocol/ with --remote-debugging-pipe: JSON between NUL bytes, read on
the browser's descriptor 3 and written on 4.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = (
    "--headless", "--no-first-run", "--disable-gpu", "--disable-extensions", "--disable-background-networking",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe",
)  # fmt: skip
# The descriptors are moved out of the way first: they may be 3 and 4 themselves.
PLACED = """
import fcntl, os, sys
there, back = (fcntl.fcntl(int(word), fcntl.F_DUPFD, 20) for word in sys.argv[1:3])
os.dup2(there, 3), os.dup2(back, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
KEYS = {"/": ("Slash", 191), "ArrowDown": ("ArrowDown", 40), "ArrowUp": ("ArrowUp", 38), "Enter": ("Enter", 13), "Escape": ("Escape", 27)}  # fmt: skip


def find_browser() -> str:
    """The program, "" when this machine has none."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


class Page:
    """One page. errors: what the console, scripts and loading complained of."""

    def __init__(self, reader: asyncio.StreamReader, writer: int) -> None:
        self._reader, self._writer, self._number, self._session = reader, writer, 0, ""
        self.errors: list[str] = []

    async def call(self, method: str, **given: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events on the way are looked at."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = await self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                found: dict[str, Any] = answer["result"]
                return found

    async def _next(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((await self._reader.readuntil(b"\0"))[:-1])
        method, given = told.get("method"), told.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(str(given["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self.errors.append(str(given["args"]))
        elif method == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self.errors.append(given["entry"]["text"])
        return told

    async def open(self, path: Path, *, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Load a file and wait until it is there; what was complained of before is forgotten."""
        self.errors.clear()
        if not self._session:
            target = (await self.call("Target.createTarget", url="about:blank"))["targetId"]
            self._session = (await self.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                await self.call(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=scheme)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        await self.call("Page.navigate", url="about:blank")
        await self.call("Page.navigate", url=path.as_uri())
        while (await self._next()).get("method") != "Page.loadEventFired" or await self.ask(
            "location.protocol"
        ) == "about:":
            pass

    async def ask(self, expression: str) -> Any:
        """What an expression of JavaScript gives."""
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        await self.call("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        """Press a key."""
        code, number = KEYS[key]
        words = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **words, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **words)

    async def picture(self, path: Path) -> None:
        """What the window shows, as PNG."""
        path.write_bytes(base64.b64decode((await self.call("Page.captureScreenshot", format="png"))["data"]))


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Page]:
    """A browser with an empty profile in a folder of the test; ended with the block."""
    to_browser, from_us = os.pipe()
    from_browser, to_us = os.pipe()
    alone = ("--no-sandbox",) if sys.platform != "win32" and os.geteuid() == 0 else ()
    command = [find_browser(), *OPTIONS, *alone, f"--user-data-dir={folder}", "about:blank"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PLACED, str(to_browser), str(to_us), *command,
        pass_fds=(to_browser, to_us), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(to_us)
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_browser, "rb", buffering=0)
    )
    try:
        yield Page(reader, from_us)
    finally:
        os.close(from_us)
        process.kill()
        await process.wait()
        transport.close()
