"""No way out: while the user's code runs, it reaches the sandbox and no other database, or none at all.

Three layers, each enough for what the others cannot see. SQLAlchemy engines are redirected (engines.py). The
drivers' own connect functions are checked when they are imported, because libpq and uvloop connect in C. An audit
hook (PEP 578) sees every socket and every name that Python itself looks up.
https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.util
import os
import re
import socket
import sys
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from .places import Place, Project

CLIENTS = frozenset({
    "psql", "pg_dump", "pg_dumpall", "pg_restore", "createdb", "dropdb", "pgbench", "pgcli", "vacuumdb",
    "reindexdb", "neonctl", "flyway", "liquibase", "alembic",
})  # fmt: skip
# A program that runs programs of its own is out of our sight.
INTERPRETERS = re.compile(r"(?:python|pypy|node|deno|bun|ruby|perl|php|java|uv|uvx|poetry|pdm|npx|docker|ssh)[\d.]*\Z")
SHELLS = frozenset({"sh", "bash", "dash", "zsh", "env", "cmd"})
SEPARATORS = re.compile(r"[\s;|&()'\"]+")
# libpq reads them whatever is said in the call, and user code may set them while it runs (load_dotenv() does).
ADDRESSES = ("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE")
PROCESSES = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"})


class Forbidden(BaseException):
    """A database was about to be reached that is not the sandbox. No `except Exception` may swallow it."""

    def __init__(self, target: str, place: Place) -> None:
        super().__init__(target, place)
        self.target = target
        self.place = place


class Target(NamedTuple):
    """The one database that may be reached. host: a name, an address, or the folder of a Unix socket.

    sslmode: libpq's word, "" for the driver's own choice. sslrootcert, sslcert, sslkey: files. options: libpq's `options`.
    """

    host: str
    port: int
    user: str
    password: str
    database: str
    sslmode: str = ""
    sslrootcert: str = ""
    sslcert: str = ""
    sslkey: str = ""
    options: str = ""

    @property
    def socket_path(self) -> str:
        """The file of the Unix socket, "" for a network address."""
        return f"{self.host}/.s.PGSQL.{self.port}" if self.host.startswith("/") else ""


class Guard:
    """Decides what may be reached, and remembers what was refused. target: None forbids everything.

    is_open: whether the target may be reached already. engines: those that were made for the user's code. driverless: why
    one of them leads nowhere, though it was to lead to the target.
    """

    def __init__(self, project: Project, target: Target | None, *, is_open: bool = True) -> None:
        self.project = project
        self.target = target
        self.is_open = is_open
        self.driverless: Exception | None = None
        self.engines: list[weakref.ref[Any]] = []
        self.refused_databases: list[tuple[str, Place]] = []
        self.refused_addresses: list[tuple[str, Place]] = []
        self._addresses = _addresses(target)

    def install(self) -> None:
        """From now on nothing else is reached. Cannot be undone in this process."""
        sys.meta_path.insert(0, _Watcher(self))
        sys.addaudithook(self._audit)

    def open(self) -> None:
        """From now on the target may be reached. Raises what kept an engine from leading there."""
        self.is_open = True
        self.refused_databases.clear()
        if self.driverless is not None:
            raise self.driverless

    def check_database(self, host: str, port: int, database: str) -> None:
        """Raise Forbidden unless this is the sandbox."""
        target = self.target
        known = target is not None and (host == target.host or host in self._addresses)
        if self.is_open and known and target is not None and (port, database) == (target.port, target.database):
            return
        self.refuse_database(f"{database or 'a database'} on {host or 'the default host'}:{port}")

    def refuse_database(self, target: str) -> None:
        """Raise Forbidden, naming the user's own line."""
        place = self.project.caller()
        self.refused_databases.append((target, place))
        raise Forbidden(target, place)

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            self._check_address(args[1])
        elif event == "socket.getaddrinfo":
            self._check_name(args[0])
        elif event in PROCESSES:
            self._check_process(event, args)

    def _check_address(self, address: Any) -> None:
        if isinstance(address, tuple) and len(address) >= 2:
            host, port = str(address[0]), address[1]
            if self.is_open and self.target is not None and port == self.target.port and self._leads_to_target(host):
                return
            if sys._getframe(2).f_code.co_name in ("socketpair", "_fallback_socketpair"):
                return  # Windows has no socketpair; asyncio's own wake-up channel is made of a loopback connection
            self._refuse_network(f"{host}:{port}")
        elif isinstance(address, (str, bytes)):
            path = os.fsdecode(address)
            if not self.is_open or self.target is None or path != self.target.socket_path:
                self._refuse_network(path)

    def _leads_to_target(self, address: str) -> bool:
        """Whether an address is the target's, which may have others now than when it was asked first."""
        if address not in self._addresses:
            self._addresses |= _addresses(self.target)
        return address in self._addresses

    def _check_name(self, host: Any) -> None:
        name = os.fsdecode(host) if isinstance(host, (str, bytes)) else ""
        if name in ("", "localhost") or name in self._addresses or _is_address(name):
            return
        self._refuse_network(name)

    def _check_process(self, event: str, args: tuple[Any, ...]) -> None:
        words = SEPARATORS.split(" ".join(_words(args[:2])))
        names = [os.path.basename(word).removesuffix(".exe") for word in words if word]
        programs = names if event == "os.system" or SHELLS.intersection(names[:1]) else names[:1]
        client = next((name for name in names if name in CLIENTS), "") or next(filter(INTERPRETERS.match, programs), "")
        if client:
            self.refuse_database(f"whatever `{client}` connects to")

    def _refuse_network(self, target: str) -> None:
        """To the code that asked, the network is down; libraries that phone home cope with that."""
        self.refused_addresses.append((target, self.project.caller()))
        raise ConnectionRefusedError(f"the network is closed while dbarch runs this code: {target}")


def _addresses(target: Target | None) -> frozenset[str]:
    if target is None or target.socket_path:
        return frozenset()
    found = {target.host}
    with contextlib.suppress(OSError):
        found.update(str(info[4][0]) for info in socket.getaddrinfo(target.host, target.port))
    return frozenset(found)


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name.split("%")[0])
        except OSError:
            continue
        return True
    return False


def _words(args: Any) -> list[str]:
    if isinstance(args, (str, bytes)):
        return [os.fsdecode(args)]
    if isinstance(args, (list, tuple)):
        return [word for item in args for word in _words(item)]
    return [os.fspath(args)] if isinstance(args, os.PathLike) else []


class _Watcher(importlib.abc.MetaPathFinder):
    """Puts the guard into a driver the moment it is imported."""

    def __init__(self, guard: Guard) -> None:
        self._patches: dict[str, Callable[[ModuleType, Guard], None]] = {
            "psycopg2": _patch_psycopg2,
            "psycopg": _patch_psycopg,
            "asyncpg.connect_utils": _patch_asyncpg,
        }
        self._guard = guard

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        patch = self._patches.pop(fullname, None)
        if patch is None:
            return None
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_patch(module: ModuleType) -> None:
            execute(module)
            patch(module, self._guard)

        spec.loader.exec_module = execute_and_patch  # type: ignore[method-assign]
        return spec


def _check_libpq(guard: Guard, words: dict[str, Any]) -> None:
    for name in ADDRESSES:
        os.environ.pop(name, None)
    host = str(words.get("host") or "")
    if words.get("service") or words.get("hostaddr") not in (None, "", host):
        guard.refuse_database(f"service or address {words.get('service') or words.get('hostaddr')}")
    database = words.get("dbname") or words.get("user") or ""
    guard.check_database(host, int(words.get("port") or 5432), str(database))


def _patch_psycopg2(module: Any, guard: Guard) -> None:
    connect = module._connect

    def checked(dsn: str, *args: Any, **kwargs: Any) -> Any:
        _check_libpq(guard, module.extensions.parse_dsn(dsn))
        return connect(dsn, *args, **kwargs)

    module._connect = checked


def _patch_psycopg(module: Any, guard: Guard) -> None:
    def wrap(kind: Any) -> None:
        connect = kind.__dict__["connect"].__func__

        def checked(cls: Any, /, conninfo: str = "", **kwargs: Any) -> Any:
            words = {**module.conninfo.conninfo_to_dict(conninfo), **kwargs}
            _check_libpq(guard, words)
            return connect(cls, conninfo, **kwargs)

        kind.connect = classmethod(checked)

    wrap(module.Connection)
    wrap(module.AsyncConnection)
    module.connect = module.Connection.connect


def _patch_asyncpg(module: Any, guard: Guard) -> None:
    connect = module._connect_addr

    def checked(*, addr: Any, params: Any, **kwargs: Any) -> Any:
        if isinstance(addr, str):
            folder, _, port = addr.rpartition("/.s.PGSQL.")
            guard.check_database(folder, int(port or 0), params.database)
        else:
            guard.check_database(addr[0], addr[1], params.database)
        return connect(addr=addr, params=params, **kwargs)

    module._connect_addr = checked
