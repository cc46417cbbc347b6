"""How the MCP server runs: over stdio or HTTP, with its log, until the client leaves or a signal ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from mcp_server.errors import ConfigError, Refused
from mcp_server.redactor import Redactor
from mcp_server.server import LOCAL_HOSTS, ArchitectServer, http_app
from mcp_server.world.workspace import Workspace

GRACE = 3.0


class RedactedFormatter(logging.Formatter):
    """Log lines, tracebacks included, without secrets."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.redact(super().format(record))


def serve_stdio() -> NoReturn:
    """Serve one client over stdin and stdout; ends the process."""
    asyncio.run(_serve_stdio())
    _end()


def serve_http(address: str, allowed_hosts: Sequence[str] = ()) -> NoReturn:
    """Serve over HTTP at HOST:PORT (port 0: any that is free); ends the process.

    Raises Refused for an address that others can reach, unless `allowed_hosts` names the hosts it is called by.
    """
    host, port = _host_and_port(address)
    if host not in LOCAL_HOSTS and not allowed_hosts:
        raise Refused(
            f"Serving on {host} would let others on the network use your database: there is no log-in.",
            "Serve on 127.0.0.1, or put a proxy with a log-in in front and name its host with --allow-host.",
        )
    asyncio.run(_serve_http(_listener(host, port), host, allowed_hosts))
    _end()


async def _serve_stdio() -> None:
    signalled = asyncio.Event()
    _on_signal(signalled.set)
    async with Workspace.open() as workspace:
        server = ArchitectServer(workspace)
        _log_to_stderr(workspace.redactor)
        serving = asyncio.ensure_future(server.run_stdio_async())
        ending = asyncio.ensure_future(signalled.wait())
        await asyncio.wait([serving, ending], return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            serving.cancel()
            await server.settle(GRACE)
    if not serving.done():
        _end()
    serving.result()


async def _serve_http(listener: socket.socket, host: str, allowed_hosts: Sequence[str]) -> None:
    import uvicorn

    # uvicorn ends in order on a signal, and raises it once more afterwards: by then it must not end us at once.
    _on_signal(lambda: None)
    async with Workspace.open() as workspace:
        server = ArchitectServer(workspace)
        _log_to_stderr(workspace.redactor)
        config = uvicorn.Config(
            http_app(server, host, allowed_hosts), log_config=None, access_log=False, timeout_graceful_shutdown=2
        )
        name = f"[{host}]" if ":" in host else host
        sys.stderr.write(f"dbarch serves MCP at http://{name}:{listener.getsockname()[1]}/mcp\n")
        sys.stderr.flush()
        await uvicorn.Server(config).serve(sockets=[listener])


def _on_signal(work: Callable[[], None]) -> None:
    with suppress(NotImplementedError):
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, work)


def _end() -> NoReturn:
    """End at once: the thread that still waits for a line of stdin would hold an orderly exit."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(0)


def _log_to_stderr(redactor: Redactor) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactedFormatter(redactor))
    logging.basicConfig(level=os.environ.get("DBARCH_LOG", "WARNING").upper(), handlers=[handler], force=True)


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise ConfigError(f"`{address}` is not HOST:PORT.", "Write --http 127.0.0.1:8765, or port 0 for any.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be served on: {error.strerror or error}.", "Choose another port; 0 takes any."
        ) from error
