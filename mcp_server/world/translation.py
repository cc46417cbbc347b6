"""What a driver, Postgres or the network raised becomes one of our errors, with the next step.

A message never holds a password. Postgres's DETAIL quotes rows for some kinds of errors (a duplicate key, a failed
check), so it is kept only for those that speak of objects. Neon's proxy gives every error of its own the code XX000:
those are told apart by their words (https://github.com/neondatabase/neon, proxy/src).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from mcp_server.errors import ConnectionFailed, DatabaseError, PermissionDenied, StatementFailed, TimedOut, Unavailable

# Classes whose DETAIL names objects, never values: https://www.postgresql.org/docs/current/errcodes-appendix.html
SAFE_DETAIL = ("0A", "2B", "42", "55", "53")

WRONG_PASSWORD = "Check the role and the password of the database URL."
NO_SUCH_DATABASE = "Check the database name at the end of the URL, or create it with `create database`."
FULL_DISK = "Free disk space on the database server. For the embedded Postgres set DBARCH_CACHE_DIR to a larger disk."
SLOW_WAKE = "Is the server reachable? A suspended Neon compute needs a few seconds to wake: try again."
NEEDS_TLS = "Add `?sslmode=require` to the database URL."
NO_SUCH_ENDPOINT = "Check the host in the database URL: this Neon endpoint does not exist, or its branch was deleted."
NO_ENDPOINT_NAMED = "Use the host that the Neon console shows, or add `options=endpoint%3D<id>`."
TWO_ENDPOINTS_NAMED = "Remove `options=endpoint%3D...` from the database URL: the host names another endpoint."
QUOTA = "The Neon project's quota may be used up: look at its usage in the Neon console. Trying again will not help."
ENDED = "The server ended the session (a restart, or Neon suspending the compute): try again."
TOO_MANY = "Close idle connections, or raise the server's max_connections."

HINTS = {
    "28P01": WRONG_PASSWORD,
    "28000": "Check the role in the database URL, and that pg_hba.conf lets it in from here (with TLS, if it asks for it).",
    "3D000": NO_SUCH_DATABASE,
    "42501": "Use a role with that right, or grant it.",
    "42P01": "Check the name and its schema; unqualified names are looked up along search_path.",
    "42703": "Check the column's name; names with capitals need double quotes.",
    "53100": FULL_DISK,
    "53300": TOO_MANY,
    "53200": "Give the server more memory or more max_locks_per_transaction, or do less in one transaction.",
    "55P03": "Another session holds a conflicting lock: try again when it has ended, or with a longer lock timeout.",
    "57014": "Narrow the statement, or allow it more time.",
    "57P01": ENDED,
    "57P03": "The server is starting or stopping: try again in a moment.",
    "40P01": "Two sessions waited for each other: try again.",
    "25006": "Only reading is possible here.",
}

# What Neon's proxy and PgBouncer say -> kind of error, what to do. The first that fits counts.
# https://github.com/neondatabase/neon (proxy/src), https://www.pgbouncer.org
WORDS: tuple[tuple[re.Pattern[str], type[DatabaseError], str], ...] = tuple(
    (re.compile(pattern), kind, hint)
    for pattern, kind, hint in (
        ("password authentication failed|sasl authentication failed", ConnectionFailed, WRONG_PASSWORD),
        ("connection is insecure", ConnectionFailed, NEEDS_TLS),
        ("endpoint is disabled", ConnectionFailed, "Enable the compute endpoint in the Neon console."),
        ("endpoint cannot be found|project not found|branch not found", ConnectionFailed, NO_SUCH_ENDPOINT),
        ("endpoint id is not specified", ConnectionFailed, NO_ENDPOINT_NAMED),
        ("inconsistent project name", ConnectionFailed, TWO_ENDPOINTS_NAMED),
        ("quota", ConnectionFailed, QUOTA),
        ("is not allowed to connect to this endpoint", ConnectionFailed, "Add this address to the Neon project's IP allow list."),
        ("unsupported startup parameter", ConnectionFailed, "Use the direct host (without `-pooler`) in the database URL."),
        ('database "[^"]*" does not exist|no such database', ConnectionFailed, NO_SUCH_DATABASE),
        ("no such user", ConnectionFailed, WRONG_PASSWORD),
        ("couldn't connect to compute node|control plane request failed", Unavailable, SLOW_WAKE),
        ("too many connections|too many database connection attempts|failed to acquire permit|max_client_conn", Unavailable, TOO_MANY),
        ("query_wait_timeout|client_login_timeout", Unavailable, TOO_MANY),
        ("server login has been failing|server_login_retry|server conn crashed|pgbouncer cannot connect|shutting down", Unavailable, ENDED),
    )
)  # fmt: skip
# Codes of a server that is not there for now, or has just ended this session.
FOR_NOW = frozenset({"08000", "08001", "08003", "08006", "53300", "57P01", "57P02", "57P03", "57P05"})


@contextmanager
def translating(doing: str = "") -> Iterator[None]:
    """Raise what fails inside as a DatabaseError; `doing` names the act for errors without words of their own."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise translated(error, doing) from error


def translated(error: BaseException, doing: str = "") -> DatabaseError:
    """The DatabaseError for what asyncpg, Postgres or the network raised. A DatabaseError is returned as it is."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _from_postgres(error)
    if isinstance(error, asyncpg.InterfaceError):
        return _from_driver(error)
    if isinstance(
        error, asyncpg.InternalClientError
    ):  # the server spoke where asyncpg expected nothing: its last words
        return Unavailable("The connection broke.", ENDED, "08003")
    if isinstance(error, TimeoutError):
        return TimedOut(f"No answer in time while {doing or 'talking to the database'}.", SLOW_WAKE)
    if isinstance(error, ssl.SSLError):
        return _from_tls(error, doing)
    if isinstance(error, OSError):
        return _from_network(error, doing)
    return DatabaseError(f"{type(error).__name__} while {doing or 'talking to the database'}.", "This is unexpected.")


def _from_postgres(error: asyncpg.PostgresError) -> DatabaseError:
    if isinstance(error, asyncpg.DataError) and not getattr(error, "message", ""):
        told = str(error.args[0]).partition("\n")[0]  # asyncpg's own: a parameter that it cannot encode
        return StatementFailed(f"{_without_value(told)}.", "Check the parameters' number and types.", "22000")
    sqlstate: str = getattr(error, "sqlstate", "") or ""
    words: str = getattr(error, "message", "") or (str(error.args[0]) if error.args else "")
    detail: str = getattr(error, "detail", "") or ""
    position: str = getattr(error, "position", "") or ""
    message = words.rstrip(".")
    if position:
        message += f" (at character {position})"
    if detail and sqlstate[:2] in SAFE_DETAIL:
        message += f". {detail.rstrip('.')}"
    kind, hint = _kind(sqlstate, words)
    advice = hint or getattr(error, "hint", "") or ""
    return kind(f"{message}.", advice, sqlstate)


def _kind(sqlstate: str, words: str) -> tuple[type[DatabaseError], str]:
    """The kind of our error and its hint, by Postgres's code; by its words where the code says nothing."""
    lowered = words.lower()
    if sqlstate[:2] in ("XX", "08", "28", ""):
        for pattern, kind, hint in WORDS:
            if pattern.search(lowered):
                return kind, hint
    if sqlstate == "28000" and "no encryption" in lowered:
        return ConnectionFailed, NEEDS_TLS
    hint = HINTS.get(sqlstate, "")
    if sqlstate == "42501":
        return PermissionDenied, hint
    if sqlstate in ("57014", "55P03", "25P03", "25P04"):
        return TimedOut, hint
    if sqlstate in FOR_NOW:
        return Unavailable, hint or ENDED
    if sqlstate[:2] in ("08", "28", "3D"):
        return ConnectionFailed, hint
    return StatementFailed, hint


def _from_driver(error: asyncpg.InterfaceError) -> DatabaseError:
    """asyncpg's own refusals: a closed connection, an unknown authentication method, wrong arguments."""
    words = (str(error.args[0]) if error.args else str(error)).partition("\n")[0].rstrip(".")
    lowered = words.lower()
    if "argument" in lowered and "expect" in lowered:
        return StatementFailed(f"{words}.", "Give one parameter for each of $1, $2, ...")
    if "ssl" in lowered or "authentication" in lowered:
        return ConnectionFailed(f"{words}.", "Check the database URL.")
    if "closed" in lowered or "connection_lost" in lowered:
        return Unavailable("The connection is closed.", ENDED, "08003")
    return ConnectionFailed(f"{words}.", "The connection is busy: try again.", "08003")


def _without_value(words: str) -> str:
    """asyncpg's "invalid input for query argument $1: 'secret' (expected ...)" without the value."""
    head, colon, rest = words.partition(": ")
    reason = rest[rest.rfind("(") :] if "(" in rest else ""
    return f"{head} {reason}".strip() if colon else words


def _from_tls(error: ssl.SSLError, doing: str) -> DatabaseError:
    where = f" while {doing}" if doing else ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConnectionFailed(
            f"The server's certificate is not trusted{where}: {error.verify_message}.",
            "Name the authority with `sslrootcert=/path/ca.pem` in the URL; `sslmode=require` encrypts without checking.",
        )
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Unavailable(f"The connection broke in the middle of TLS{where}.", SLOW_WAKE)
    return ConnectionFailed(
        f"TLS failed{where}: {error.reason or 'no reason given'}.", "Check sslmode in the database URL."
    )


def _from_network(error: OSError, doing: str) -> DatabaseError:
    where = f" while {doing}" if doing else ""
    # socket.gaierror is an OSError whose text names the failure and not the host.
    if type(error).__name__ == "gaierror":
        return ConnectionFailed(
            f"The host's name is unknown{where}.", "Check the host in the database URL, and the network."
        )
    if isinstance(error, ConnectionRefusedError):
        return ConnectionFailed(
            f"The connection was refused{where}.", "Is Postgres running there, and is the port right?"
        )
    if isinstance(error, FileNotFoundError):
        return ConnectionFailed(
            f"There is no Unix socket{where}.", "Is Postgres running, and is the socket's folder right?"
        )
    if "rejected SSL upgrade" in str(error):
        return ConnectionFailed(
            f"The server does not speak TLS{where}.", "Set `sslmode=disable` in the URL if that is right."
        )
    if isinstance(error, ConnectionError):
        return Unavailable(f"The connection broke{where}.", SLOW_WAKE)
    reason = error.strerror or type(error).__name__
    return ConnectionFailed(f"The network failed{where}: {reason}.", "Check the host and the port in the database URL.")
