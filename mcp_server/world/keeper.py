"""Keeps one embedded Postgres: makes its data, starts it, and stops it when nobody uses it any more.

A program of its own (standard library only), because the processes that use the server may be killed at any moment. The kernel says when they are gone: every user holds a shared lock on
the file `users`, the keeper waits for the exclusive one. On Linux Postgres also ends when the keeper itself is killed.

Files in the server's home: `users`, `keeper` (locked while a keeper lives), `start` (locked by who starts one),
`server.json` (where the running server listens), `secret` (its password), `port` (the last one), `log`, `data/`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mcp_server.world.cluster import Failed, Order, start, stop
from mcp_server.world.locks import lock, write


def keep(order: Order, report: Callable[[dict[str, Any]], None]) -> None:
    """Start the server, report where it listens, and stop it when the last user is gone or the keeper is told to."""
    server, where = start(order)

    def leave() -> None:
        (order.home / "server.json").unlink(missing_ok=True)
        if where["host"].startswith(tempfile.gettempdir()):
            shutil.rmtree(where["host"], ignore_errors=True)

    def watch() -> None:
        server.wait()
        leave()
        os._exit(1)

    def ended(number: int, frame: object) -> None:
        raise SystemExit(0)

    try:
        signal.signal(signal.SIGTERM, ended)
        write(order.home / "server.json", json.dumps(where | {"keeper": os.getpid(), "network": order.network}))
        report(where)
        threading.Thread(target=watch, daemon=True).start()
        lock(order.home / "users")
    finally:
        leave()
        stop(server)


def main(text: str) -> None:
    """Take the order, be the only keeper, and speak one line of JSON: `ready`, `busy` or `error`."""

    def report(words: dict[str, Any]) -> None:
        print(json.dumps(words), flush=True)  # noqa: T201 (the parent reads it)
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 1)

    os.umask(0o077)
    given = json.loads(text)
    places = {"home": Path(given["home"]), "bin": Path(given["bin"])}
    order = Order(**given | places | {"settings": tuple(given["settings"])})
    if lock(order.home / "keeper", seconds=0) is None:
        return report({"busy": True})
    if lock(order.home / "users", seconds=0) is not None:
        return report({"error": "Whoever wanted it is gone."})
    try:
        keep(order, report)
    except (Failed, OSError, ValueError, subprocess.SubprocessError) as error:
        report({"error": str(error)})
        raise SystemExit(1) from None
