"""A SQL file -> a sandbox that holds what it makes: schema files by hand, and the output of `pg_dump`.

A file is carried out statement by statement, as psql would, with these differences, which make a dump from one server
load on another and say the same there:
- The role that owns most of the objects stands for the owner of the database.
- Other roles that are named and missing are made without login (see roles.py). CREATE ROLE and its kin do only that.
- Statements on databases are passed over; so are settings that this version of Postgres does not know, and
  extensions that only watch.
- COPY and its rows are passed over.
A file is code, like the project's Python: it runs with the rights of the sandbox.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from mcp_server.errors import DatabaseError, NotFound, Refused, SourceError
from mcp_server.world.database import connect, translated
from mcp_server.world.guest_errors import statement_hint
from mcp_server.world.psql_script import Piece, Unterminated, read_script
from mcp_server.world.roles import missing_role, provide_role

if TYPE_CHECKING:
    from mcp_server.world.sandbox import Sandbox, Sandboxes

LARGEST = 64 * 1024 * 1024
INCLUDES = 10
SHOWN = 400
NAME = r'(?:"(?:[^"]|"")+"|[\w$]+)'
PASSED_OVER = re.compile(
    r"(?:create|alter|drop)\s+database\b|comment\s+on\s+database\b|security\s+label\b.*\bdatabase\b|"
    r"(?:alter|drop)\s+(?:role|user(?!\s+mapping)|group)\b|drop\s+owned\b|reassign\s+owned\b|vacuum\b|analyze\b|copy\b",
    re.IGNORECASE,
)
REFUSED = re.compile(
    r"alter\s+system\b|create\s+tablespace\b|drop\s+tablespace\b|load\b|copy\b.*\bprogram\b|copy\b.*\b(?:from|to)\s+'",
    re.IGNORECASE | re.DOTALL,
)
CREATE_ROLE = re.compile(
    rf"create\s+(?:role|user(?!\s+mapping)|group)\s+(?:if\s+not\s+exists\s+)?({NAME})", re.IGNORECASE
)
WATCHING = re.compile(
    r"(?:create|alter|drop|comment\s+on)\s+extension\s+(?:if\s+(?:not\s+)?exists\s+)?\"?"
    r"(?:pg_stat_statements|pg_stat_kcache|pgaudit|pg_buffercache|pg_prewarm|auto_explain|pg_wait_sampling|neon|"
    r"neon_utils|pg_repack|hypopg)\b",
    re.IGNORECASE,
)
OWNER = re.compile(rf"\bowner\s+to\s+({NAME})\s*\Z", re.IGNORECASE)
NAMES_ROLES = re.compile(r"(?:grant|revoke|alter\s+default\s+privileges|create\s+schema)\b", re.IGNORECASE)
IGNORED_COMMANDS = frozenset(
    ["restrict", "unrestrict", "set", "unset", "echo", "qecho", "warn", "timing", "pset", "x", "t", "a", "f", "H", "q",
     "encoding", "errverbose", "conninfo"]
)  # fmt: skip
CONNECTS = ("c", "connect")
INCLUDE, INCLUDE_BESIDE = ("i", "include"), ("ir", "include_relative")


@dataclass(frozen=True, slots=True)
class FilePiece:
    """A statement and where it stands. file: as the user knows it."""

    sql: str
    file: str
    line: int


def resolve_path(root: Path, name: str) -> Path:
    """The file that `file:<name>` means. A relative name stays within the project; an absolute one is taken as it is.

    Raises NotFound, or Refused for a relative name that leads out of the project.
    """
    given = Path(name).expanduser()
    path = (root / given).resolve()
    if not given.is_absolute() and not path.is_relative_to(root.resolve()):
        raise Refused(f"file:{name} leads out of the project.", "Give the absolute path if that file is meant.")
    if not path.is_file():
        raise NotFound(f"There is no file {name}.", "Give its path relative to the project's root.")
    return path


def read_pieces(path: Path, root: Path, depth: int = 0) -> Iterator[FilePiece]:
    """The statements of a file and of those it includes. Raises SourceError for what psql alone can do."""
    label = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
    try:
        for piece in read_script(_text(path, label)):
            if piece.is_command:
                yield from _command(piece, path, root, label, depth)
            else:
                yield FilePiece(piece.text, label, piece.line)
    except Unterminated as error:
        raise SourceError(f"This {error.what} is never closed.", "", label, error.line) from error


def _text(path: Path, label: str) -> str:
    if path.stat().st_size > LARGEST:
        raise SourceError("The file is too large for a schema.", "Dump the schema alone: pg_dump --schema-only.", label)
    content = path.read_bytes()
    if content.startswith(b"PGDMP"):
        raise SourceError("This is an archive of pg_dump.", f"Write it as SQL: pg_restore -f schema.sql {label}", label)
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError("The file is not UTF-8.", "Save it as UTF-8.", label, line) from error


def _command(piece: Piece, path: Path, root: Path, label: str, depth: int) -> Iterator[FilePiece]:
    word, _, argument = piece.text[1:].partition(" ")
    if word in IGNORED_COMMANDS or word in CONNECTS:
        return
    if word in INCLUDE or word in INCLUDE_BESIDE:
        if depth >= INCLUDES:
            raise SourceError("Files include each other too deeply.", "", label, piece.line)
        folder = path.parent if word in INCLUDE_BESIDE else root
        included = (folder / argument.strip().strip("'")).resolve()
        if not any(included.is_relative_to(place) for place in (root, path.parent)):
            raise SourceError(f"The included file {argument.strip()} leads out of the project.", "", label, piece.line)
        if not included.is_file():
            raise SourceError(f"The included file {argument.strip()} does not exist.", "", label, piece.line)
        yield from read_pieces(included, root, depth + 1)
        return
    raise SourceError(
        f"psql's command \\{word} cannot be carried out here.", "Take it out of the file.", label, piece.line
    )


async def fill_from_file(sandboxes: Sandboxes, sandbox: Sandbox, pieces: tuple[FilePiece, ...]) -> None:
    """Carry out a file's statements on a fresh sandbox. Raises SourceError with file and line of the one that failed."""
    owner = main_owner(pieces)
    connection = await connect(sandbox.url)
    try:
        for piece in pieces:
            sql = _adapted(piece, owner)
            if sql is None:
                role = CREATE_ROLE.match(piece.sql)
                if role is not None and role[1] != owner:
                    await provide_role(sandboxes, sandbox, _plain(role[1]))
                continue
            await _run(connection, sandboxes, sandbox, piece, sql)
    finally:
        await connection.close()


def main_owner(pieces: tuple[FilePiece, ...]) -> str:
    """The role, as it is written, that owns most of what the file makes; "" when it names no owner."""
    counted = Counter(match[1] for piece in pieces if (match := OWNER.search(piece.sql)))
    return counted.most_common(1)[0][0] if counted else ""


def _adapted(piece: FilePiece, owner: str) -> str | None:
    """The statement to run, None when it is passed over. Raises Refused for what reaches beyond the database."""
    sql = piece.sql
    if REFUSED.match(sql):
        raise SourceError(
            "This statement reaches beyond the database and is not run.",
            "Take it out of the file.",
            piece.file,
            piece.line,
        )
    if PASSED_OVER.match(sql) or CREATE_ROLE.match(sql) or WATCHING.match(sql):
        return None
    owned = OWNER.search(sql)
    if owned and owned[1] == owner:
        return None
    if owner and NAMES_ROLES.match(sql):
        return re.sub(
            rf"\b(to|from|role|by|authorization)(\s+){re.escape(owner)}(?![\w$\"])",
            r"\1\2current_user",
            sql,
            flags=re.IGNORECASE,
        )
    return sql


async def _run(
    connection: asyncpg.Connection[asyncpg.Record], sandboxes: Sandboxes, sandbox: Sandbox, piece: FilePiece, sql: str
) -> None:
    try:
        await connection.execute(sql)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        failure = translated(error)
        if _may_be_passed_over(sql, failure):
            return
        role = missing_role({"sqlstate": failure.sqlstate, "message": str(error)})
        if role and await provide_role(sandboxes, sandbox, role):
            await _run(connection, sandboxes, sandbox, piece, sql)
            return
        if role and OWNER.search(sql):
            return
        raise _failed(piece, error, failure) from error


def _may_be_passed_over(sql: str, failure: DatabaseError) -> bool:
    words = sql.split(maxsplit=2)
    first = words[0].lower() if words else ""
    if first == "set" and failure.sqlstate in ("42704", "22023"):
        return True
    return failure.sqlstate == "42P06" and [word.lower() for word in words[:3]] == ["create", "schema", "public"]


def _failed(piece: FilePiece, error: BaseException, failure: DatabaseError) -> SourceError:
    position = str(getattr(error, "position", None) or "")
    within = piece.sql[: int(position)].count("\n") if position.isdigit() else 0
    shown = piece.sql if len(piece.sql) <= SHOWN else piece.sql[:SHOWN] + " ..."
    hint = statement_hint({"message": str(error), "sqlstate": failure.sqlstate, "postgres_hint": failure.hint})
    return SourceError(
        f"Postgres refused a statement: {failure.message}\n    {shown}", hint, piece.file, piece.line + within
    )


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


async def load_pieces(root: Path, name: str) -> tuple[FilePiece, ...]:
    """All statements of `file:<name>`."""
    path = resolve_path(root, name)
    return tuple(await asyncio.to_thread(lambda: tuple(read_pieces(path, root.resolve()))))
