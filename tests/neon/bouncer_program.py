"""The PgBouncer to test against: that of this machine when it is new enough, else one built from Debian's source package.

Neon runs 1.24.1; prepared statements in transaction mode need 1.21 (https://www.pgbouncer.org/changelog.html). Debian 12
has 1.18, so that the source package of a later Debian is fetched by apt, which checks its signature, from where this
machine's apt fetches everything, and is compiled: about a minute, once a machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from mcp_server.world.locks import lock

NEEDED = (1, 21)
SUITE = "trixie"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
LIMIT = 600


class NoPgBouncer(Exception):
    """Why there is none: for whoever reads that a test was skipped."""


def find_pgbouncer() -> Path:
    """A PgBouncer of 1.21 or newer. PGBOUNCER names one. Raises NoPgBouncer."""
    named = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if named and version_of(Path(named)) >= NEEDED:
        return Path(named)
    folder = _folder()
    built = folder / "pgbouncer"
    held = lock(folder / "building")
    try:
        if not built.exists():
            _build(folder, built)
    finally:
        if held is not None:
            os.close(held)
    return built


def version_of(program: Path) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    return tuple(int(part) for part in found.groups()) if found else ()


def _folder() -> Path:
    """A folder of ours that outlives this run."""
    folder = Path(tempfile.gettempdir()) / f"dbarch-test-programs-{os.geteuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise NoPgBouncer(f"{folder} can be written by others")
    return folder


def _build(folder: Path, built: Path) -> None:
    for needed in ("apt-get", "make", "cc", "pkg-config"):
        if shutil.which(needed) is None:
            raise NoPgBouncer(f"no PgBouncer of 1.21 or newer, and it cannot be built without {needed}")
    with tempfile.TemporaryDirectory(dir=folder) as made:
        work = Path(made)
        _fetch(work)
        source = work / "source"
        source.mkdir()
        archive = next(iter(work.glob("pgbouncer_*.orig.tar.*")), None)
        if archive is None:
            raise NoPgBouncer("apt gave no source of PgBouncer")
        _run(["tar", "xf", str(archive), "-C", str(source), "--strip-components=1"], work)
        _run(["./configure", "--quiet", "--without-cares", "--without-systemd"], source)
        _run(["make", "-j2", "pgbouncer"], source)
        (source / "pgbouncer").chmod(0o755)
        (source / "pgbouncer").rename(built)


def _fetch(work: Path) -> None:
    """Debian's source package, by apt, with lists of our own: nothing of the machine's configuration is changed."""
    told = _run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"], work)
    site = next(iter(told.split()), "")
    if not site or not KEYS.exists():
        raise NoPgBouncer("no PgBouncer of 1.21 or newer, and this machine's apt knows no Debian")
    (work / "lists/partial").mkdir(parents=True)
    (work / "sources.list").write_text(f"deb-src [signed-by={KEYS}] {site} {SUITE} main\n")
    options = {
        "Dir::Etc::SourceList": work / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::Cache": work / "cache",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt, "update"], work)
    _run([*apt, "source", "--download-only", "pgbouncer"], work)


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise NoPgBouncer(f"`{command[0]}` took longer than {LIMIT} s") from None
    if done.returncode:
        said = re.sub(r"\w+://\S+", "(an address)", (done.stderr or done.stdout).strip()[-300:])
        raise NoPgBouncer(f"PgBouncer cannot be built, `{' '.join(command[:1])}` says: {said}")
    return done.stdout
