"""The module through which an application reaches its database, and the .env.example beside it: code that the project owns."""

from __future__ import annotations

from mcp_server.model.design import Flavour

_MODULE = '''\
"""The application's database: one asynchronous engine, one session a request.

DATABASE_URL may be spelled for any driver (`postgres://`, `postgresql://`, `postgresql+asyncpg://`, with libpq's `sslmode`).
Load relationships in the query, `select(...).options(selectinload(...))`: an asynchronous session cannot load them later.
"""

import asyncio
import os
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

CONNECT_SECONDS = 15.0  # a database that sleeps needs a moment to wake
STATEMENT_SECONDS = 60.0  # a request does not wait longer; the server ends it, too
SSL_WORDS = {
    **dict.fromkeys(("true", "1", "on"), "require"),
    **dict.fromkeys(("false", "0", "off"), "disable"),
}
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
UNREADABLE = (
    "DATABASE_URL is not set, or cannot be read. Write postgresql://user:password@"
    "host/database, with special characters of the password percent-encoded."
)
# What other drivers write into a URL and asyncpg does not know; nothing of it matters
# here: on Neon's hosts the certificate is verified instead of binding the channel.
IGNORED = frozenset(
    {
        "async_fallback",
        "channel_binding",
        "client_encoding",
        "command_timeout",
        "connection_limit",
        "fallback_application_name",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "max_overflow",
        "pgbouncer",
        "pool_pre_ping",
        "pool_recycle",
        "pool_size",
        "pool_timeout",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "schema",
        "sslcompression",
        "sslsni",
        "statement_cache_size",
        "target_session_attrs",
        "tcp_user_timeout",
    }
)
KNOWN = frozenset(
    {
        "application_name",
        "connect_timeout",
        "database",
        "dbname",
        "host",
        "options",
        "password",
        "port",
        "ssl",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "timeout",
        "user",
    }
)


def read_target(raw: str) -> tuple[URL, dict[str, Any]]:
    """SQLAlchemy's URL for asyncpg, and what asyncpg is told besides.

    Raises RuntimeError for a URL that is not understood; the password is never named.
    """
    try:
        url = make_url(raw.strip().removeprefix("psql ").strip(" '").strip('"'))
    except (ArgumentError, ValueError):
        raise RuntimeError(UNREADABLE) from None
    if "@" in (url.database or "") or {"@", "/"} & set(url.host or ""):
        raise RuntimeError(UNREADABLE)  # a part of the password stands there
    if url.get_backend_name().lower() not in ("postgresql", "postgres"):
        raise RuntimeError("DATABASE_URL does not name a Postgres database.")
    words = {
        name: value if isinstance(value, str) else value[-1]
        for name, value in url.query.items()
    }
    unknown = sorted(set(words) - KNOWN - IGNORED)
    if unknown:
        raise RuntimeError(f"DATABASE_URL has an unknown parameter: {unknown[0]}.")
    host = words.get("host") or url.host or ""
    if is_neon(host):
        host = host.lower().rstrip(".")
        # Clients that cannot name the host in TLS put the endpoint before the password.
        url = url.set(
            password=re.sub(r"^endpoint=[\\w-]+[;$]", "", url.password or "") or None
        )
    settings = {
        name: words[name] for name in ("application_name", "options") if name in words
    }
    seconds = words.get("connect_timeout") or words.get("timeout") or CONNECT_SECONDS
    arguments: dict[str, Any] = {
        "ssl": choose_tls(words, host),
        "timeout": read_number("connect_timeout", seconds),
        "server_settings": settings,
    }
    if words.get("sslnegotiation") == "direct":
        arguments["direct_tls"] = True
    if host:
        arguments["host"] = host
    for name in ("user", "password"):
        if name in words:
            arguments[name] = words[name]
    if "port" in words:
        arguments["port"] = int(read_number("port", words["port"]))
    if "dbname" in words or "database" in words:
        arguments["database"] = words.get("dbname") or words["database"]
    if "-pooler." in host or "pgbouncer" in words:
        # Behind a pooler sessions are shared: a prepared statement of one client
        # would be another's.
        arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    return url.set(drivername="postgresql+asyncpg", query={}), arguments


def read_number(name: str, value: str | float) -> float:
    try:
        return float(value)
    except ValueError:
        raise RuntimeError(f"DATABASE_URL has a {name} that is no number.") from None


def is_neon(host: str) -> bool:
    return host.lower().rstrip(".").endswith(".neon.tech")


def choose_tls(words: dict[str, str], host: str) -> ssl.SSLContext | str | bool:
    """What the URL asks for in libpq's words, as asyncpg takes it."""
    silent = "require" if is_neon(host) else "prefer"
    given = words.get("sslmode") or words.get("ssl") or silent
    mode = SSL_WORDS.get(given.lower(), given.lower())
    if mode not in SSL_MODES:
        raise RuntimeError(f"DATABASE_URL has an sslmode that is none: {mode}.")
    if is_neon(host) and mode == "disable":
        raise RuntimeError("DATABASE_URL has sslmode=disable: Neon speaks TLS alone.")
    if mode == "disable" or host.startswith("/"):
        return False
    root = words.get("sslrootcert", "")
    if is_neon(host):
        mode = "verify-full"
    if mode in ("allow", "prefer"):
        return mode
    trusted = None if root in ("", "system") else root
    context = ssl.create_default_context(cafile=trusted)
    context.check_hostname = mode == "verify-full"
    if mode == "require" and not root:
        context.verify_mode = ssl.CERT_NONE
    if words.get("sslcert"):
        context.load_cert_chain(words["sslcert"], words.get("sslkey"))
    return context


@cache
def get_engine() -> AsyncEngine:
    """The one engine of this process, made when it is first asked for."""
    url, arguments = read_target(os.environ.get("DATABASE_URL", ""))
    return create_async_engine(
        url,
        connect_args={**arguments, "command_timeout": STATEMENT_SECONDS},
        pool_size=5,
        max_overflow=10,
        pool_timeout=10,
        # A connection that died while it was idle is replaced before it is used.
        pool_pre_ping=True,
        # Neon ends idle connections after five minutes.
        pool_recycle=240,
    )


@cache
def get_sessions() -> async_sessionmaker[AsyncSession]:
    """What makes sessions. They keep the values of their rows after a commit."""
    return async_sessionmaker(get_engine(), class_=AsyncSession, expire_on_commit=False)


async def get_session() -> AsyncIterator[AsyncSession]:
    """A session for one request; what is not committed is rolled back.

    In FastAPI: `session: Annotated[AsyncSession, Depends(get_session)]`.
    """
    async with get_sessions()() as session:
        yield session


@asynccontextmanager
async def lifespan(_: object) -> AsyncIterator[None]:
    """The pool's life within the application's: `FastAPI(lifespan=lifespan)`."""
    get_engine()  # a wrong DATABASE_URL is known at start
    try:
        yield
    finally:
        await close()


async def close() -> None:
    """Close every connection; the next use makes a new engine."""
    if get_engine.cache_info().currsize:
        await get_engine().dispose()
    get_sessions.cache_clear()
    get_engine.cache_clear()


async def check_health(seconds: float = 5.0) -> bool:
    """Whether the database answers in time. Each call wakes a database that sleeps."""
    try:
        return await asyncio.wait_for(_ask(), seconds)
    except (SQLAlchemyError, OSError, TimeoutError):
        return False


async def _ask() -> bool:
    async with get_engine().connect() as connection:
        return bool((await connection.execute(text("select 1"))).scalar_one())
'''

_EXAMPLE = """\
# Copy to .env, which is never committed, and fill in.
# Neon: the application takes the pooled host (ep-...-pooler.REGION.aws.neon.tech), migrations take the direct one, without -pooler:
# DATABASE_URL=postgresql://USER:PASSWORD@ep-NAME-pooler.REGION.aws.neon.tech/DATABASE?sslmode=require&channel_binding=require
DATABASE_URL=postgresql://USER:PASSWORD@localhost:5432/DATABASE
"""


def render_database(flavour: Flavour) -> str:
    """db.py. It needs SQLAlchemy with asyncpg, and SQLModel for its session, which alone has `exec()`."""
    return (
        _MODULE
        if flavour.python >= (3, 11)
        else _MODULE.replace("OSError, TimeoutError)", "OSError, asyncio.TimeoutError)")
    )


def render_environment_example() -> str:
    """.env.example: no secret, and what to put there."""
    return _EXAMPLE
