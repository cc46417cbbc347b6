"""Engines of the user's code go to the sandbox, by whatever way they came to their URL.

`create_engine` is the one place that every way leads to: engine_from_config, create_async_engine,
async_engine_from_config, SQLModel's re-export. The user's driver is kept where it can be imported.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import types
import weakref
from typing import Any

from .guard import Guard, Target

SYNC = {"psycopg2": "psycopg2", "psycopg": "psycopg", "pg8000": "pg8000"}
ASYNC = {"asyncpg": "asyncpg", "psycopg": "psycopg", "psycopg_async": "psycopg"}
# These speak to Postgres without libpq, and take a TLS context in place of its words.
WITH_CONTEXT = frozenset({"asyncpg", "pg8000"})
VERIFIED = ("verify-ca", "verify-full")
NOWHERE = Target("127.0.0.1", 9, "nobody", "", "nowhere")
# Where to connect, and as whom: replaced. TLS: a sandbox speaks plain text on the loopback or a socket.
ADDRESS = frozenset({
    "host", "hostaddr", "port", "user", "username", "password", "passfile", "database", "dbname", "db",
    "dsn", "service", "servicefile", "unix_sock", "target_session_attrs", "load_balance_hosts",
    "channel_binding", "require_auth", "direct_tls", "ssl", "ssl_context", "sslmode", "sslcert", "sslkey",
    "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation", "gssencmode", "krbsrvname",
    "check_same_thread", "uri", "detect_types", "isolation_level", "cached_statements", "async_creator_fn",
})  # fmt: skip
QUERY = frozenset({"options", "application_name", "prepared_statement_cache_size"})


class NoDriver(Exception):
    """None of the Postgres drivers that would do can be imported. package: one that would."""

    def __init__(self, message: str, package: str) -> None:
        super().__init__(message)
        self.package = package


def redirect(guard: Guard) -> None:
    """From now on every engine that is made points at the guard's target; without one, at nothing."""
    engine_module: Any = importlib.import_module("sqlalchemy.engine")
    original = engine_module.create_engine

    def create_engine(url: Any, **kwargs: Any) -> Any:
        # SQLAlchemy 1.4 does not say that it makes the engine for an asynchronous one.
        asked_by = sys._getframe(1).f_globals.get("__name__")
        is_async = bool(kwargs.get("_is_async")) or asked_by == "sqlalchemy.ext.asyncio.engine"
        wanted = _on_target(url, kwargs, guard, is_async)
        engine = original(wanted or _nowhere(url, kwargs, guard, is_async), **kwargs)
        guard.engines.append(weakref.ref(engine))
        return engine

    create_engine.__doc__ = original.__doc__
    # Names that were copied before now; sqlalchemy.ext.asyncio and sqlmodel copy theirs when they are imported.
    for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.create"):
        importlib.import_module(name).create_engine = create_engine  # type: ignore[attr-defined]


def abandon_connections(guard: Guard) -> None:
    """Let no connection live on into the next run of env.py: an asynchronous one belongs to a loop that has ended.

    They are not closed here, which would need that loop; the sandbox's owner ends them.
    """
    for reference in guard.engines:
        engine = reference()
        if engine is not None and "close" in inspect.signature(engine.dispose).parameters:  # SQLAlchemy 1.4.33
            engine.dispose(close=False)


def _on_target(url: Any, kwargs: dict[str, Any], guard: Guard, is_async: bool) -> Any:
    """The URL that leads to the target; None without one. A driver is not missed before the target may be reached."""
    if guard.target is None:
        return None
    try:
        return _redirected(url, kwargs, guard.target, is_async)
    except NoDriver as error:
        if guard.is_open:
            raise
        guard.driverless = error
        return None


def _redirected(url: Any, kwargs: dict[str, Any], target: Target, is_async: bool) -> Any:
    from sqlalchemy.engine import make_url

    wanted = make_url(url)
    driver = _driver(wanted, is_async)
    same = driver == _named_driver(wanted)
    kwargs.pop("creator", None)
    kwargs.pop("pool", None)
    kwargs["connect_args"] = _with_tls(_without_address(kwargs.get("connect_args") or {}, same), target, driver)
    return sandbox_url(target, driver, {key: wanted.query[key] for key in QUERY & set(wanted.query) if same})


def _nowhere(url: Any, kwargs: dict[str, Any], guard: Guard, is_async: bool) -> Any:
    """An engine that can be made without any driver and refuses to connect. The URL is still checked for form."""
    from sqlalchemy.engine import make_url

    wanted = make_url(url)
    known = wanted.host and (wanted.host, wanted.port) != (NOWHERE.host, NOWHERE.port)
    kwargs.pop("creator", None)
    kwargs.pop("pool", None)
    kwargs["connect_args"] = {}
    kwargs["module"] = _driver_stub(guard, f"{wanted.database} on {wanted.host}" if known else "the database")
    return sandbox_url(NOWHERE, "asyncpg" if is_async else "pg8000", {})


def sandbox_url(target: Target, driver: str, query: dict[str, Any]) -> Any:
    """The target as a SQLAlchemy URL."""
    from sqlalchemy.engine import URL

    options = dict(query)
    host: str | None = target.host
    if target.socket_path:
        options["unix_sock" if driver == "pg8000" else "host"] = (
            target.socket_path if driver == "pg8000" else target.host
        )
        host = None
    options.update(_tls_query(target, driver))
    if target.options and driver not in WITH_CONTEXT:
        options["options"] = target.options
    return URL.create(
        "postgresql+" + driver,
        username=target.user,
        password=target.password or None,
        host=host,
        port=target.port,
        database=target.database,
        query=options,
    )


def _tls_query(target: Target, driver: str) -> dict[str, str]:
    """How safe the way must be, in a URL. What needs more than a word is in _with_tls()."""
    if not target.sslmode or target.socket_path:
        return {}
    if driver in WITH_CONTEXT:
        return {"ssl": target.sslmode} if driver == "asyncpg" and target.sslmode not in VERIFIED else {}
    import ssl

    files = {"sslrootcert": target.sslrootcert, "sslcert": target.sslcert, "sslkey": target.sslkey}
    if target.sslmode in VERIFIED and not target.sslrootcert:
        known = ssl.get_default_verify_paths()
        found = (path for path in (known.cafile, known.openssl_cafile) if path and os.path.isfile(path))
        files["sslrootcert"] = next(found, "system")
    return {"sslmode": target.sslmode, **{name: path for name, path in files.items() if path}}


def _with_tls(arguments: dict[str, Any], target: Target, driver: str) -> dict[str, Any]:
    """What drivers that know nothing of libpq's words are told besides: a context that verifies, `options` at the start."""
    if driver not in WITH_CONTEXT:
        return arguments
    found = dict(arguments)
    if target.sslmode in VERIFIED and not target.socket_path:
        found["ssl" if driver == "asyncpg" else "ssl_context"] = _tls_context(target)
    if target.options and driver == "asyncpg":
        found["server_settings"] = {**found.get("server_settings", {}), "options": target.options}
    return found


def _tls_context(target: Target) -> Any:
    import ssl

    authorities = target.sslrootcert if target.sslrootcert != "system" else ""
    context = ssl.create_default_context(cafile=authorities or None)
    context.check_hostname = target.sslmode == "verify-full"
    if target.sslcert:
        context.load_cert_chain(target.sslcert, target.sslkey or None)
    return context


def _driver(wanted: Any, is_async: bool) -> str:
    """The driver to use: the one that was asked for, else the first that can be imported."""
    known = ASYNC if is_async else SYNC
    named = _named_driver(wanted)
    for driver in [named] * (named in known) + list(known):
        if _usable(driver, known[driver]):
            return driver
    kind = "an asynchronous" if is_async else "a synchronous"
    names = ", ".join(sorted(set(known.values())))
    package = "asyncpg" if is_async else "psycopg[binary]"
    raise NoDriver(f"{kind} Postgres driver is needed, and none of {names} is installed", package)


def _usable(driver: str, module: str) -> bool:
    """Whether a driver is installed and this SQLAlchemy has a dialect for it."""
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import NoSuchModuleError

    try:
        importlib.import_module(module)
        URL.create("postgresql+" + driver).get_dialect()
    except (ImportError, NoSuchModuleError):
        return False
    return True


def _named_driver(wanted: Any) -> str:
    """The driver a URL names or stands for, "" when it is for another database."""
    if wanted.get_backend_name() not in ("postgresql", "postgres"):
        return ""
    if "+" in wanted.drivername:
        return str(wanted.drivername.split("+", 1)[1])
    try:
        return str(wanted.get_driver_name())
    except Exception:  # noqa: BLE001 - `postgres://` names no dialect since SQLAlchemy 1.4
        return ""


def _without_address(connect_args: dict[str, Any], same_driver: bool) -> dict[str, Any]:
    if not same_driver:
        return {}
    kept = {key: value for key, value in connect_args.items() if key not in ADDRESS}
    if "endpoint" in str(kept.get("options", "")):  # Neon's way to name a host without SNI
        del kept["options"]
    settings = kept.get("server_settings")
    if isinstance(settings, dict) and "endpoint" in str(settings.get("options", "")):
        kept["server_settings"] = {key: value for key, value in settings.items() if key != "options"}
    return kept


def _driver_stub(guard: Guard, target: str) -> Any:
    """What SQLAlchemy asks of a driver before it connects."""
    stub: Any = types.ModuleType("dbarch_no_driver")
    stub.paramstyle = "pyformat"
    stub.apilevel = "2.0"
    stub.threadsafety = 1
    stub.__version__ = "1.31.0"
    for name in ("Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError", "IntegrityError",
                 "InternalError", "ProgrammingError", "NotSupportedError"):  # fmt: skip
        setattr(stub, name, type(name, (Exception,), {}))

    def connect(*args: Any, **kwargs: Any) -> Any:
        guard.refuse_database(target)

    stub.connect = connect
    return stub
