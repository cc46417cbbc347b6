"""Who owns a throw-away database: its name says so, so that anyone can tell whether the owner is gone.

A name is `dbarch_<host>_<pid>_<process start>_<created>_<number>`: lower-case, at most 63 bytes. The host is a hash of
the machine's name and its process namespace (two containers count as two hosts); the process start tells a process
from a later one with the same number.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

PREFIX = "dbarch_"
FOREIGN_SECONDS = 24 * 3600.0
UNKNOWN = 0
NAME = re.compile(r"dbarch_([0-9a-f]{8})_(\d+)_([0-9a-z]+)_([0-9a-z]+)_([0-9a-z]+)")


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that made a database. started: of the process; created: of the database, in seconds since 1970."""

    host: str
    pid: int
    started: int
    created: int

    def is_gone(self) -> bool:
        """Whether the process ended. Of a process on another host that is believed after a day."""
        if self.host == this_host():
            now = process_start(self.pid)
            return now is None or (now != self.started and UNKNOWN not in (now, self.started))
        return time.time() - self.created > FOREIGN_SECONDS


def new_name(number: int) -> str:
    """The name of this process's database of that number."""
    pid = os.getpid()
    started = process_start(pid)
    return f"{PREFIX}{this_host()}_{pid}_{_short(started or UNKNOWN)}_{_short(int(time.time()))}_{_short(number)}"


def read_owner(name: str) -> Owner | None:
    """The owner that a database's name tells; None for a database that is not one of ours."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    host, pid, started, created, _ = found.groups()
    return Owner(host, int(pid), int(started, 36), int(created, 36))


def this_host() -> str:
    """Eight hexadecimal digits for this machine and process namespace."""
    return _digest("pid")


def this_network() -> str:
    """The same for this machine, process and network namespace: where a loopback address means the same place."""
    return _digest("pid", "net")


def _digest(*namespaces: str) -> str:
    words = [socket.gethostname()]
    for name in namespaces:
        with contextlib.suppress(OSError):
            words.append(os.readlink(f"/proc/self/ns/{name}"))
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:8]


def process_start(pid: int) -> int | None:
    """When the process started; None when there is none, UNKNOWN when the system does not show it.

    Linux: ticks since boot, which no clock change moves.
    """
    if sys.platform == "linux":
        try:
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return UNKNOWN if _exists(pid) else None  # hidepid hides the processes of others
        return None if words[0] in "ZX" else int(words[19])
    psutil = import_module("psutil")  # the embedded Postgres's package brings it
    try:
        return int(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _short(number: int) -> str:
    """A number in base 36, which int(text, 36) reads."""
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
