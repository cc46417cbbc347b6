"""Files that several processes write at once, and that a killed process must not leave in halves."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

STALE_SECONDS = 60.0
POLL_SECONDS = 0.01
# A link in somebody's repository must not lead a write of ours to another file.
NO_LINK: int = getattr(os, "O_NOFOLLOW", 0)

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _release(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _release(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, patience: float = 10.0) -> Iterator[bool]:
    """Hold a lock among processes while the block runs; the kernel releases it when the process dies.

    path: the lock file, made when it is not there and never removed. Gives False, and runs the block all the same,
    when the file cannot be made or locked, or another process held it for `patience` seconds.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o666)
    except OSError:
        yield False
        return
    try:
        held = _wait_for(descriptor, time.monotonic() + patience)
        try:
            yield held
        finally:
            if held:
                _release(descriptor)
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            _take(descriptor)
        except (BlockingIOError, PermissionError):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        except OSError:
            return False
        else:
            return True


def publish(path: Path, data: bytes, workshop: Path) -> None:
    """Make a new file that is whole from its first moment. Raises FileExistsError, or OSError with nothing left.

    workshop: the folder in which it is drafted; the file's own folder when that one cannot be used. What killed
    processes left there is swept.
    """
    for folder in (workshop, path.parent):
        last = folder == path.parent
        try:
            sweep(folder)
            draft = _draft(folder, data)
        except OSError:
            if last:
                raise
            continue
        try:
            if _link(draft, path, or_rename=last):
                return
        finally:
            draft.unlink(missing_ok=True)


def replace(path: Path, data: bytes) -> None:
    """Give a file new content, at once."""
    draft = _draft(path.parent, data)
    try:
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the drafts of processes that did not come to their end."""
    for draft in folder.glob(".*.partial"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > STALE_SECONDS:
                draft.unlink()


def _draft(folder: Path, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{os.getpid()}-{secrets.token_hex(4)}.partial"
    binary = getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return path


def _link(draft: Path, path: Path, *, or_rename: bool) -> bool:
    """Give the draft its name unless that is taken. False when the file system has no hard links, or not to there."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:
        if not or_rename:
            return False
        # Without links the name is looked at first; whoever holds the lock is alone with it.
        if path.exists():
            raise FileExistsError(path) from None
        os.rename(draft, path)
    return True
