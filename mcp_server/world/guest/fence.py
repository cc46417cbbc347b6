"""Nothing but the throw-away database may be acted on while functions of the application are called.

An audit hook (PEP 578) sees what Python itself is about to do: start a program, write, rename or remove a file, signal a process,
speak to a socket. Addresses are the guard's matter (guard.py); what it refuses is noted here, too. The hook stays for the rest of
the process, so that a thread that a call leaves behind is held as well.
https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import os
import sys
from typing import Any

from .guard import Guard
from .places import Place

STARTS = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.forkpty",
    "os.startfile",
)
FILES = frozenset({
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "os.setxattr", "os.removexattr", "os.lockf", "shutil.copyfile", "shutil.move", "shutil.rmtree",
    "shutil.make_archive", "shutil.unpack_archive", "shutil.copytree", "tempfile.mkstemp", "tempfile.mkdtemp", "sqlite3.connect",
})  # fmt: skip
OTHERS = frozenset({
    "os.kill", "os.killpg", "signal.pthread_kill", "socket.sendto", "socket.sendmsg", "socket.bind", "ctypes.dlopen",
    "smtplib.connect", "ftplib.connect", "imaplib.open", "poplib.connect", "nntplib.connect", "telnetlib.Telnet.open",
    "urllib.Request", "webbrowser.open", "pty.spawn", "syslog.syslog",
})  # fmt: skip
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Outside(BaseException):
    """Something outside the database was about to be acted on. No `except Exception` may swallow it."""


class Fence:
    """What was refused since it was last asked for. is_up: whether anything is."""

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.is_up = False
        self._refused: list[tuple[str, Place]] = []

    def raise_up(self) -> None:
        """From now on. Cannot be undone in this process."""
        sys.addaudithook(self._audit)
        self.take()
        self.is_up = True

    def take(self) -> list[str]:
        """What was refused since the last time, as `app/mail.py:12: subprocess.Popen`."""
        found = [*self._refused, *self.guard.refused_addresses, *self.guard.refused_databases]
        self._refused.clear()
        self.guard.refused_addresses.clear()
        self.guard.refused_databases.clear()
        return list(
            dict.fromkeys(f"{place.file}:{place.line}: {what}" if place.file else what for what, place in found)
        )

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.is_up:
            return
        if event == "open":
            self._check_file(args)
        elif event in FILES or event in OTHERS or event.startswith(STARTS):
            self._refuse(event)

    def _check_file(self, args: tuple[Any, ...]) -> None:
        path, mode, flags = args
        writes = any(sign in mode for sign in "wax+") if isinstance(mode, str) else bool(flags & WRITES)
        if writes and path != os.devnull:
            self._refuse("a file would be written")

    def _refuse(self, what: str) -> None:
        self._refused.append((what, self.guard.project.caller()))
        raise Outside(what)
