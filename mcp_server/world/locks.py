"""Files that processes share: locks that the kernel frees when their holder dies, and writes that are whole or absent.

Standard library only: the keeper of the embedded Postgres uses this, too.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

POSIX = os.name == "posix"


def lock(path: Path, *, shared: bool = False, seconds: float | None = None) -> int | None:
    """Lock a file until its descriptor is closed or the process ends; None when `seconds` passed without it.

    No limit means waiting for ever. Windows knows no shared locks: there one byte stands for one user.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if POSIX and seconds is None:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        return descriptor
    deadline = None if seconds is None else time.monotonic() + seconds
    while not _try_lock(descriptor, shared):
        if deadline is not None and time.monotonic() >= deadline:
            os.close(descriptor)
            return None
        time.sleep(0.01 if deadline is not None else 0.5)
    return descriptor


def _try_lock(descriptor: int, shared: bool) -> bool:
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    import msvcrt

    for start, length in [(byte, 1) for byte in range(256)] if shared else [(0, 256)]:
        os.lseek(descriptor, start, os.SEEK_SET)
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, length)
            return True
    return False


def write(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(fresh, path)
