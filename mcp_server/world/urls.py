"""Every spelling of a Postgres URL becomes one `Target`: where to connect, as whom, and how safe the way must be.

Drivers disagree on the parameters of a URL: libpq writes `sslmode`, SQLAlchemy's asyncpg dialect `ssl`, asyncpg turns
what it does not know into start-up parameters, Prisma adds its own. A parameter is therefore understood, dropped
because it cannot matter here, or refused by name; nothing is passed on unseen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from mcp_server.errors import ConfigError

DRIVERS = ("asyncpg", "psycopg", "psycopg2", "psycopg_async", "pg8000")
NAMES = ("postgres", "postgresql")
SCHEMES = frozenset({*NAMES, *(f"{name}+{driver}" for name in NAMES for driver in DRIVERS)})
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SSL_WORDS = {"true": "require", "1": "require", "on": "require", "false": "disable", "0": "disable", "off": "disable"}
NEON_DOMAIN = ".neon.tech"
# Without SNI a client may name the endpoint in its password; `options` names it for every other.
ENDPOINT_IN_PASSWORD = re.compile(r"(?:endpoint|project)=[\w-]+[;$]")
ENDPOINT_OF_POOLER = re.compile(r"\b((?:endpoint|project)=[\w-]+?)-pooler(?=\s|$)")
# Parameters whose values are quoted when they are not understood.
SHOWN = frozenset({"sslmode", "ssl", "sslnegotiation", "port", "connect_timeout", "timeout"})

# Parameters that change nothing about which database is meant or how safe the way to it is, and why.
REASONS = {
    "asyncpg cannot bind channels; on Neon's hosts the certificate is verified instead": ("channel_binding",),
    "there is no Kerberos here": ("gssencmode", "krbsrvname"),
    "it tunes the socket": ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    "asyncpg decides it": ("client_encoding", "sslcompression", "sslsni"),
    "there is one host": ("load_balance_hosts", "target_session_attrs"),
    "tools name themselves": ("fallback_application_name",),
    "it is a pool's or another client's": (
        "pgbouncer", "connection_limit", "pool_timeout", "pool_size", "max_overflow", "pool_recycle", "pool_pre_ping",
        "prepared_statement_cache_size", "statement_cache_size", "prepared_statement_name_func", "async_fallback",
        "command_timeout",
    ),
}  # fmt: skip
DROPPED = {name: reason for reason, names in REASONS.items() for name in names}


@dataclass(frozen=True, slots=True)
class Target:
    """One database, and the way to it.

    host: a name, an address, or the folder of a Unix socket ("" for the driver's default). port: 0 for the default.
    sslmode: libpq's word, "" when the URL is silent. options: libpq's `options`, such as `endpoint=...` for Neon.
    connect_timeout: seconds, 0 when the URL is silent. notes: what is understood otherwise than it is written, and why.
    """

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    sslmode: str = ""
    sslrootcert: str = ""
    sslcert: str = ""
    sslkey: str = ""
    direct_tls: bool = False
    options: str = ""
    application_name: str = ""
    connect_timeout: float = 0.0
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_socket(self) -> bool:
        """The host is the folder of a Unix socket."""
        return self.host.startswith(("/", "@"))

    @property
    def is_neon(self) -> bool:
        """The host is one of Neon's, whose certificates chain to a public authority."""
        return self.host.lower().rstrip(".").endswith(NEON_DOMAIN)

    @property
    def is_pooled(self) -> bool:
        """The host, or the endpoint in `options`, is that of Neon's transaction pooler."""
        by_host = self.is_neon and self.host.partition(".")[0].endswith("-pooler")
        return by_host or ENDPOINT_OF_POOLER.search(self.options) is not None

    @property
    def verification(self) -> str:
        """libpq's sslmode, as strict as we are: Neon's certificate is verified in full, a named authority is asked.

        asyncpg cannot bind channels, so that `require` alone would trust whoever answers.
        """
        if self.is_socket:
            return "disable"
        if self.is_neon:
            return "verify-full"
        mode = self.sslmode or "prefer"
        return "verify-ca" if mode == "require" and self.sslrootcert else mode

    @property
    def place(self) -> tuple[str, int, str]:
        """Host, port and database: equal places are the same database."""
        return (self.host.lower(), self.port or 5432, self.database or self.user)

    @property
    def label(self) -> str:
        """Where this leads, without any secret: `user@host:port/database`."""
        host = self.host or "localhost"
        user = f"{self.user}@" if self.user else ""
        return f"{user}{host}:{self.port or 5432}/{self.database or self.user}"

    def direct(self) -> Target:
        """The same database without Neon's transaction pooler: `ep-x-pooler.region` becomes `ep-x.region`.

        A pooler shares sessions between clients: SET, advisory locks and prepared statements do not hold there.
        """
        if not self.is_pooled:
            return self
        first, dot, rest = self.host.partition(".")
        host = first.removesuffix("-pooler") + dot + rest if self.is_neon else self.host
        return replace(self, host=host, options=ENDPOINT_OF_POOLER.sub(r"\1", self.options))

    def pooled(self) -> Target:
        """The same database through Neon's transaction pooler; this target where there is none."""
        first, dot, rest = self.host.partition(".")
        if not self.is_neon or self.is_pooled:
            return self
        options = re.sub(rf"\b((?:endpoint|project)={re.escape(first)})(?=\s|$)", r"\1-pooler", self.options)
        return replace(self, host=f"{first}-pooler{dot}{rest}", options=options)

    def url(self, *, database: str = "", scheme: str = "postgresql") -> str:
        """The URL in libpq's spelling, password included; `database` replaces the one named."""
        user = quote(self.user, safe="")
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        login = f"{user}{secret}@" if user or secret else ""
        host = "" if self.is_socket else f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port and not self.is_socket else ""
        name = quote(database or self.database, safe="")
        query = urlencode({key: value for key, value in self._parameters().items() if value}, quote_via=quote, safe="/")
        return f"{scheme}://{login}{host}{port}/{name}" + (f"?{query}" if query else "")

    def _parameters(self) -> dict[str, str]:
        return {
            "host": self.host if self.is_socket else "",
            "port": str(self.port) if self.port and self.is_socket else "",
            "sslmode": self.sslmode,
            "sslrootcert": self.sslrootcert,
            "sslcert": self.sslcert,
            "sslkey": self.sslkey,
            "sslnegotiation": "direct" if self.direct_tls else "",
            "options": self.options,
            "application_name": self.application_name,
            "connect_timeout": f"{self.connect_timeout:g}" if self.connect_timeout else "",
        }


def is_set(url: str) -> bool:
    """Whether a setting holds a URL: an unexpanded `${NAME}` counts as unset."""
    return bool(url.strip()) and "${" not in url


def read_url(url: str) -> Target:
    """Understand a URL, or raise ConfigError with the part that is not understood (never with the password)."""
    if not is_set(url):
        raise ConfigError(
            "No database URL is set.", "Set DBARCH_DATABASE_URL, for example postgresql://user@host/name."
        )
    text, notes = _bare(url)
    scheme = text.partition(":")[0].lower()
    try:
        # urlsplit knows no scheme with an underscore, as in postgresql+psycopg_async.
        parts = urlsplit(f"postgresql{text[len(scheme) :]}" if scheme in SCHEMES else text)
        port = parts.port or 0
    except ValueError:
        raise _unreadable() from None
    if scheme not in SCHEMES:
        raise ConfigError(
            f"The database URL starts with `{parts.scheme}:`, which is not a Postgres URL."
            if parts.scheme.isidentifier() or "postgres" in parts.scheme
            else "The database URL has no scheme.",
            "Write postgresql://user:password@host:port/database.",
        )
    given = parse_qsl(parts.query, keep_blank_values=True)
    parameters = [(key.removeprefix("amp;"), value) for key, value in given]
    if "@" in parts.path or any(not key.isidentifier() or ("@" in word and key in SHOWN) for key, word in parameters):
        raise _unreadable()
    if parts.fragment:
        raise ConfigError("The database URL holds a `#`.", "Percent-encode it as %23 when it belongs to the password.")
    target = Target(
        host=unquote(parts.hostname or ""),
        port=port,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.removeprefix("/")),
        notes=notes,
    )
    for key, value in parameters:
        target = _with_parameter(target, key, value)
    if "," in target.host:
        raise ConfigError("The database URL names several hosts.", "Name the primary's host alone.")
    return _for_neon(target) if target.is_neon else target


def _bare(url: str) -> tuple[str, tuple[str, ...]]:
    """The URL itself, without the quotes or the `psql` that was copied with it, and what is said of that."""
    text = url.strip()
    if text.startswith("psql "):
        text = text[5:].strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    bare = text[1:-1].strip() if quoted else text
    return bare, () if bare == url.strip() else ("what stands around the URL is left out",)


def _for_neon(target: Target) -> Target:
    """As Neon wants it. Raises ConfigError for what it cannot be told."""
    if target.sslmode == "disable":
        raise ConfigError("`sslmode=disable` in the database URL: Neon speaks TLS alone.", "Write sslmode=require.")
    notes = target.notes
    if target.sslmode not in ("", "verify-full"):
        notes += (f"sslmode={target.sslmode} is raised to verify-full: asyncpg cannot bind channels",)
    password = ENDPOINT_IN_PASSWORD.sub("", target.password, count=1)
    if password != target.password:
        notes += ("the endpoint in the password is left out: the host names it",)
    return replace(target, host=target.host.lower().rstrip("."), password=password, notes=notes)


def _unreadable() -> ConfigError:
    """A stray "@", "/", "?" or "#" inside a password moves the parts, so that naming any of them would quote it."""
    return ConfigError(
        "The database URL cannot be read.",
        "Percent-encode special characters of the password (`#` is %23, `/` is %2F, `@` is %40, `?` is %3F, `[` is %5B).",
    )


def _with_parameter(target: Target, key: str, value: str) -> Target:
    """`target` with one parameter of the query understood."""
    match key:
        case "sslmode" | "ssl":
            return replace(target, sslmode=_ssl_mode(key, value))
        case "host" | "user" | "password" | "options" | "application_name" | "sslrootcert" | "sslcert" | "sslkey":
            words: dict[str, Any] = {key: value}
            return replace(target, **words)
        case "dbname" | "database":
            return replace(target, database=value)
        case "port":
            return replace(target, port=int(_number(key, value)))
        case "connect_timeout" | "timeout":
            return replace(target, connect_timeout=max(0.0, _number(key, value)))
        case "sslnegotiation":
            return replace(target, direct_tls=_one_of(key, value, ("postgres", "direct")) == "direct")
        case "schema" if value in ("", "public"):
            return target
        case _ if key in DROPPED:
            return replace(target, notes=(*target.notes, f"{key} is left out: {DROPPED[key]}"))
    raise ConfigError(
        f"The database URL has the parameter `{key}`, which is not understood.",
        "Remove it from the URL. Understood are sslmode, sslrootcert, sslcert, sslkey, options, application_name, connect_timeout.",
    )


def _ssl_mode(key: str, value: str) -> str:
    word = SSL_WORDS.get(value.lower(), value.lower())
    return _one_of(key, word, SSL_MODES) if word else ""


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> str:
    if value in allowed:
        return value
    raise ConfigError(f"`{key}={value}` in the database URL is not understood.", f"Use one of {', '.join(allowed)}.")


def _number(key: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(
            f"`{key}={value}` in the database URL is not a number.", f"Write {key}=5432 or leave it out."
        ) from None
