"""One Postgres cluster of the embedded server: its data, its place to listen, its start and its end.

Standard library only; runs inside the keeper's process (keeper.py).
"""

from __future__ import annotations

import contextlib
import locale
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcp_server.world.locks import POSIX, write

START_SECONDS = 60.0
STOP_SECONDS = 15.0
NEEDED = re.compile(
    r"(?i)(?:PATH|PATHEXT|HOME|USER|LOGNAME|LANG|TMPDIR|TEMP|TMP|LD_LIBRARY_PATH|DYLD_\w+|SYSTEMROOT|SYSTEMDRIVE|WINDIR"
    r"|COMSPEC|USERPROFILE|USERNAME|APPDATA|LOCALAPPDATA|PROGRAMDATA)\Z"
)
SOCKET_PATH_LIMIT = 100  # sun_path holds 104 to 108 bytes, the socket's own name included


class Failed(Exception):
    """Postgres could not be started; the text is what it, or the system, said."""


@dataclass(frozen=True)
class Order:
    """What is to be kept.

    home: the server's folder. bin: Postgres's programs. uid, gid: whom to run as, -1 for ourselves. settings: as
    `name=value`. durable: the data belongs to the user and is never made anew. network: owner.this_network().
    """

    home: Path
    bin: Path
    uid: int
    gid: int
    major: int
    settings: tuple[str, ...]
    durable: bool
    network: str

    @property
    def data(self) -> Path:
        return self.home / "data"

    def identity(self) -> dict[str, Any]:
        """Arguments for subprocess that give up root's rights."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.uid >= 0 else {}

    def own(self, path: Path) -> None:
        """Give a file or folder to the server's user."""
        if self.uid >= 0:
            os.chown(path, self.uid, self.gid)


def boot() -> str:
    """What changes when the machine starts anew; empty where the system does not tell."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def processes_in(folder: Path) -> list[int]:
    """Linux: the processes that work in `folder`. Postgres's processes all work in their data folder."""
    found = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.readlink(f"/proc/{entry}/cwd") == str(folder):
                found.append(int(entry))
    return found


def clear(order: Order) -> None:
    """Remove what a predecessor left: its half-made data, its server, and data that a crash of the machine broke."""
    (order.home / "server.json").unlink(missing_ok=True)
    for leftover in order.home.glob("new-data-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    pidfile = order.data / "postmaster.pid"
    if not pidfile.exists():
        return
    pid = int(pidfile.read_text().split("\n", 1)[0] or 0)
    for process in _ours(order, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL if process != pid else signal.SIGQUIT if POSIX else signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while (alive := _ours(order, pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
    booted = order.home / "boot"
    if not order.durable and booted.exists() and booted.read_text() != boot():
        shutil.rmtree(order.data)  # written without fsync before the machine went down: not to be trusted


def _ours(order: Order, pid: int) -> list[int]:
    """Living processes of a server on our data: on Linux by their working folder, elsewhere by the command line."""
    if os.path.isdir("/proc/self"):
        return processes_in(order.data)
    if not POSIX or pid <= 0:
        return []
    told = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return [pid] if str(order.data) in told.stdout else []


def make_data(order: Order) -> None:
    """Run initdb beside the place and move the result there, so that data is whole or absent."""
    staging = order.home / f"new-data-{os.getpid()}"
    staging.mkdir(mode=0o700)
    order.own(staging)
    secret = order.home / "secret"
    password = secret.read_text() if secret.exists() else secrets.token_hex(16)
    (staging / "password").write_text(password)
    order.own(staging / "password")
    command = [str(order.bin / "initdb"), "-D", str(staging / "data"), "-U", "postgres", "-A", "scram-sha-256"]
    command += [
        "--pwfile",
        str(staging / "password"),
        "-E",
        "UTF8",
        "--no-instructions",
        *(() if order.durable else ("--no-sync",)),
        *locale_arguments(order.major),
    ]
    if order.major >= 16:
        command += ["-c", "scram_iterations=1"]  # the password is random: stretching it only costs time
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=staging, env=environment(), **order.identity()
    )
    if done.returncode:
        shutil.rmtree(staging, ignore_errors=True)
        raise Failed((done.stderr or done.stdout).strip() or f"initdb ended with code {done.returncode}.")
    write(secret, password)
    os.replace(staging / "data", order.data)
    shutil.rmtree(staging)


def locale_arguments(major: int) -> tuple[str, ...]:
    """C.UTF-8: the same everywhere and what Neon uses; Postgres's own where the system has none, else C."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C", *(builtin if major >= 17 else ()))
    locale.setlocale(locale.LC_CTYPE, before)
    return ("--locale=C.UTF-8",)


def environment() -> dict[str, str]:
    """What Postgres's programs see: what the system needs, none of the user's URLs and keys, messages in English.

    The server outlives the project that started it, and whoever may run SQL on it can read them.
    """
    kept = {key: value for key, value in os.environ.items() if NEEDED.match(key)}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def start(order: Order) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """A running server and where it listens. Data that does not start is made anew, unless it is the user's."""
    clear(order)
    fresh = not (order.data / "PG_VERSION").exists()
    if fresh:
        make_data(order)
    write(order.home / "boot", boot())
    for attempt in range(4):
        where = choose_place(order, attempt)
        server = launch(order, where)
        if wait_ready(server, order):
            return server, {**where, "pid": server.pid}
        said = (order.home / "log").read_text(errors="replace").strip()
        if "already in use" in said or "Address in use" in said:
            continue
        if fresh or order.durable or "No space left" in said or not said:
            break
        shutil.rmtree(order.data)
        make_data(order)
        fresh = True
    raise Failed(said or f"postgres ended with code {server.returncode} without a word.")


def choose_place(order: Order, attempt: int) -> dict[str, Any]:
    """A free port on the loopback, the last one first; a socket in a private folder where there is no loopback."""
    last = order.home / "port"
    with contextlib.suppress(OSError), socket.socket() as probe:
        wanted = int(last.read_text() or 0) if attempt == 0 and last.exists() else 0
        if POSIX:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.listen(1)
        socket.create_connection(("127.0.0.1", port), timeout=5).close()  # a loopback that is down binds, too
        write(last, str(port))
        return {"host": "127.0.0.1", "port": port}
    folder = order.home / "socket"
    if len(bytes(folder)) > SOCKET_PATH_LIMIT - len("/.s.PGSQL.5432"):
        folder = Path(tempfile.mkdtemp(prefix="dbarch-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    order.own(folder)
    return {"host": str(folder), "port": 5432}


def launch(order: Order, where: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Start postgres as our child; on Linux it is told to stop when we die."""
    tcp = not where["host"].startswith("/")
    command = [str(order.bin / "postgres"), "-D", str(order.data), "-p", str(where["port"])]
    for setting in (
        f"listen_addresses={where['host'] if tcp else ''}",
        f"unix_socket_directories={'' if tcp else where['host']}",
        *order.settings,
    ):
        command += ["-c", setting]
    with open(order.home / "log", "wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/" if POSIX else None,
            env=environment(),
            preexec_fn=end_with_parent(),
            **order.identity(),
        )


def end_with_parent() -> Callable[[], None] | None:
    """Linux: what the child runs before exec to be sent SIGINT (a fast shutdown) when the keeper dies; prctl(2).

    The library is loaded here, because the child's user may not be able to read it.
    """
    if sys.platform != "linux":
        return None
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return None
    return lambda: prctl(1, signal.SIGINT)


def wait_ready(server: subprocess.Popen[bytes], order: Order) -> bool:
    """Until postmaster.pid says ready (its eighth line), as pg_ctl does; False when the server ended instead."""
    pidfile = order.data / "postmaster.pid"
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None:
        with contextlib.suppress(OSError):
            lines = pidfile.read_text().split("\n")
            if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
                return True
        if time.monotonic() > deadline:
            stop(server)
            raise Failed(f"postgres was not ready after {START_SECONDS:.0f} seconds.")
        time.sleep(0.005)
    return False


def stop(server: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; an immediate one when that takes too long; then the end."""
    signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL) if sys.platform != "win32" else (signal.SIGTERM,)
    for number in signals:
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.send_signal(number)
            server.wait(STOP_SECONDS)
            return
