"""Who the embedded Postgres runs as, and folders that this user can reach.

Postgres refuses to run as root, so root's server runs as `nobody`: a user that owns nothing, unlike `postgres`, who may
own a real cluster on the same machine. Its data and programs must then lie where `nobody` can go. Where the cache
folder is not such a place (a home that only root may enter), `/var/cache/dbarch/<hash of the cache folder>` is used, or
a folder in the temporary one; programs that are out of reach are copied there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from mcp_server.errors import ConfigError
from mcp_server.world.locks import POSIX, lock

UNPRIVILEGED = ("nobody", "daemon", "bin")
ELSEWHERE = (
    "Or let throw-away databases be made on a server of yours: set DBARCH_SANDBOX_URL (its role needs CREATEDB)."
)

Account = tuple[int, int]


def find_account() -> Account | None:
    """Root only: the user and group to run Postgres as."""
    if not POSIX or os.geteuid() != 0:
        return None
    import pwd

    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return entry.pw_uid, entry.pw_gid
    raise ConfigError("Postgres cannot run as root, and this system has no user `nobody`.", ELSEWHERE)


def find_home(cache: Path, account: Account | None) -> Path:
    """The folder for servers: below `cache`, or where root's server can reach it."""
    cache = cache.resolve()
    key = hashlib.sha256(os.fsencode(cache)).hexdigest()[:12]
    candidates = [cache]
    if account:
        candidates += [Path("/var/cache/dbarch") / key, Path(tempfile.gettempdir()) / f"dbarch-root-{key}"]
    problem = ""
    for folder in candidates:
        try:
            folder.mkdir(mode=0o711 if account else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = problem or f"{folder}: {error.strerror}"
            continue
        if account is None:
            return folder
        if _reaches(folder, account) and _is_safe(folder):
            return folder
    raise ConfigError(
        f"The cache folder cannot be used ({problem or cache}).",
        f"Set DBARCH_CACHE_DIR to a folder that can be written. {ELSEWHERE}",
    )


def _reaches(folder: Path, account: Account) -> bool:
    """Whether that user may pass through every folder on the way."""
    for place in (folder.resolve(), *folder.resolve().parents):
        status = place.stat()
        shift = 6 if status.st_uid == account[0] else 3 if status.st_gid == account[1] else 0
        if not status.st_mode >> shift & 1:
            return False
    return True


def _is_safe(folder: Path) -> bool:
    """Whether nobody but root may put files there: a folder in /tmp may have been made by someone else."""
    status = folder.lstat()
    return status.st_uid == 0 and not status.st_mode & 0o022


def reachable_programs(folder: Path, version: str, home: Path, account: Account | None) -> Path:
    """Where the server's user can run the programs of `folder`: in place, or a copy of them in `home`."""
    if account is None or _reaches(folder / "bin", account):
        return folder
    place = home / f"programs-{version}"
    copying = lock(home / "programs")
    try:
        if not place.exists():
            _copy_programs(folder, home, place)
    finally:
        if copying is not None:
            os.close(copying)
    return place / folder.parent.name / folder.name


def _copy_programs(folder: Path, home: Path, place: Path) -> None:
    """Copy what runs (no headers, no archives), with the libraries that the wheel keeps beside its package.

    What an earlier copy left is removed, and so are other versions unless a server may be running them.
    """
    idle = lock(home / "keeper", seconds=0)
    fresh = home / f"new-programs-{os.getpid()}"
    try:
        for old in [*home.glob("new-programs-*"), *(home.glob("programs-*") if idle is not None else ())]:
            shutil.rmtree(old, ignore_errors=True)
        _copy_to(fresh, folder)
        fresh.rename(place)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    finally:
        if idle is not None:
            os.close(idle)


def _copy_to(fresh: Path, folder: Path) -> None:
    """Copy the programs of `folder` and their libraries, so that anybody can run them."""
    inside = fresh / folder.parent.name
    skip = shutil.ignore_patterns("include", "*.a", "pkgconfig", "__pycache__")
    shutil.copytree(folder, inside / folder.name, symlinks=True, ignore=skip)
    for libraries in folder.parent.parent.glob(f"{folder.parent.name}.libs"):
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for libraries in folder.parent.glob(".dylibs"):
        shutil.copytree(libraries, inside / libraries.name, symlinks=True)
    for created in (fresh, inside):
        created.chmod(0o755)
