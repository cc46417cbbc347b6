"""The one reader: a connection becomes a Schema, in one round trip.

All sections under `catalog/*.sql` are joined into one `COPY (... UNION ALL ...) TO STDOUT`, sent together with its
BEGIN and COMMIT as one simple message: no prepared statement, one snapshot, read only. A line is `tag TAB oid TAB
payload`; payloads hold records and fields parted by control characters, gathered by relation, and are decoded when
somebody asks for the relation (decode.py). SQL that differs between versions stands between marks:
`/*since 15*/ a /*else*/ b /*end*/`, and between a whole reading and one of named relations: `/*all*/ a /*one*/ b /*end*/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg

from mcp_server.errors import DatabaseError
from mcp_server.model.names import literal
from mcp_server.model.schema import Schema
from mcp_server.world.database import translated
from mcp_server.world.decode import Sections, decode

OLDEST = 140000
_FOLDER = Path(__file__).with_name("catalog")
_MARKS = {":us": "'\x1f'", ":rs": "'\x1e'", ":gs": "'\x1d'", ":fs": "'\x1c'"}
_OF_DATABASE = (
    "header", "schemas", "roles", "access_methods", "tablespaces", "collations", "operator_classes", "types", "relations",
    "columns", "defaults", "constraints", "indexes", "triggers", "policies", "rules", "inheritance", "statistics",
    "comments", "sequences",
)  # fmt: skip
_WHOLE = (*_OF_DATABASE, "functions", "extensions", "extension_members", "publications", "event_triggers",
          "default_privileges", "unread", "state")  # fmt: skip
_NAMED = (*_OF_DATABASE, "referenced")
# A transaction's own writes do not move its snapshot, so its number belongs to what must be the same.
_SNAPSHOT = (
    "concat(pg_current_snapshot(), ' ', pg_current_xact_id_if_assigned(), ' ', "
    "extract(epoch from pg_postmaster_start_time()))"
)
# Every catalog that DDL writes and that any role may read.
_WRITTEN = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_trigger", "pg_policy", "pg_inherits",
    "pg_description", "pg_rewrite", "pg_statistic_ext", "pg_sequence", "pg_type", "pg_enum", "pg_range", "pg_proc",
    "pg_aggregate", "pg_namespace", "pg_extension", "pg_event_trigger", "pg_publication", "pg_publication_rel",
    "pg_collation", "pg_opclass", "pg_default_acl", "pg_partitioned_table", "pg_foreign_table", "pg_foreign_server",
    "pg_cast", "pg_operator",
)  # fmt: skip
_ALTERNATIVE = re.compile(r"/\*all\*/(.*?)/\*one\*/(.*?)/\*end\*/", re.DOTALL)
_SINCE = re.compile(r"/\*since (\d+)\*/(.*?)/\*else\*/(.*?)/\*end\*/", re.DOTALL)
_ACL = re.compile(r":acl\{(.+?), ((?:'\w'|case .+? end)), (.+?)\}")
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_ESCAPES = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\"}


@dataclass(frozen=True, slots=True)
class State:
    """What a database's catalog looked like at a moment; opaque, to be handed back to `revalidate`."""

    snapshot: str
    sums: str


async def read_schema(connection: asyncpg.Connection) -> Schema:
    """Read the whole database. One round trip. Raises DatabaseError."""
    return (await read_with_state(connection))[0]


async def read_with_state(connection: asyncpg.Connection) -> tuple[Schema, State]:
    """Read the whole database together with the State that tells later whether it still stands."""
    sections = await read_sections(connection, statement(_version(connection)))
    return decode(sections), State(sections["s"][0].split("\x1f")[3], sections["T"][0])


async def read_tables(connection: asyncpg.Connection, relations: Iterable[str]) -> Schema:
    """Read some relations by identity, with what hangs on them. One round trip, whatever the size of the database.

    A relation that does not exist is missing in the answer. Types are named but not read.
    """
    return decode(await read_sections(connection, statement(_version(connection), tuple(relations))))


async def revalidate(connection: asyncpg.Connection, state: State) -> bool:
    """True when nothing changed since the State was read. One round trip.

    Costs next to nothing when no transaction has run since; else every catalog's rows are counted and summed.
    """
    sums = _expand(_file("state"), _version(connection), None)
    query = (
        f"select case when {_SNAPSHOT} = {literal(state.snapshot)} then 'same' else "
        f"(select s from ({sums}) x(t, o, s)) end"
    )
    answer = (await _copy(connection, query)).rstrip(b"\n").decode()
    return answer in ("same", state.sums)


@cache
def statement(server_version: int, relations: tuple[str, ...] | None = None) -> str:
    """The SQL of one reading: of the whole database, or of the named relations."""
    if relations is None:
        return "\nunion all\n".join(_expand(_file(name), server_version, None) for name in _WHOLE)
    return "\nunion all\n".join(_expand(_file(name), server_version, relations) for name in _NAMED)


def sections_sql(
    connection: asyncpg.Connection, names: tuple[str, ...], relations: tuple[str, ...] | None = None
) -> str:
    """The SQL of a reading of other sections, whole or of the named relations; for `read_sections`."""
    version = _version(connection)
    return "\nunion all\n".join(_expand(_file(name), version, relations) for name in names)


@cache
def _file(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")


def _expand(sql: str, server_version: int, relations: tuple[str, ...] | None) -> str:
    """Resolve the marks of a section for one version and one extent."""
    sql = _ALTERNATIVE.sub(lambda match: match[1 if relations is None else 2], sql)
    sql = for_version(sql, server_version)
    sql = _ACL.sub(lambda match: _acl(*match.groups()), sql)
    sql = sql.replace(":snapshot", _SNAPSHOT).replace(":sums", _sums(server_version))
    if relations is not None:
        names = ", ".join(literal(name) for name in relations)
        sql = sql.replace(
            ":relations", f"array(select to_regclass(name)::oid from unnest(array[{names}]::text[]) name)"
        )
    for mark, value in _MARKS.items():
        sql = sql.replace(mark, value)
    return sql


def for_version(sql: str, server_version: int) -> str:
    """The SQL with what stands between the marks of versions resolved. server_version: as server_version_num."""
    return _SINCE.sub(lambda match: match[2 if server_version >= int(match[1]) * 10000 else 3], sql)


def _acl(acl: str, kind: str, owner: str) -> str:
    """SQL for an access list and Postgres's default for it, empty where nothing was ever granted or revoked."""
    default = "'{}'" if owner == "0" else f"acldefault({kind}, {owner})"
    return f"case when {acl} is not null then concat({acl}, '\x1d', {default}) end"


def _sums(server_version: int) -> str:
    catalogs = _WRITTEN if server_version < 150000 else (*_WRITTEN, "pg_publication_namespace")
    return " union all ".join(
        f"select '{name}' as name, count(*) as n, sum(nullif(age(c.xmin), 2147483647)::int8 - base.age) as total "
        f"from pg_catalog.{name} c, (select age('4'::xid) as age offset 0) base"
        for name in catalogs
    )


def _version(connection: asyncpg.Connection) -> int:
    version = connection.get_server_version()
    number = version.major * 10000 + version.minor
    if number < OLDEST:
        raise DatabaseError(
            f"PostgreSQL {version.major} is older than the oldest that can be read ({OLDEST // 10000}).",
            "Use a server of version 14 or newer.",
        )
    return number


async def read_sections(connection: asyncpg.Connection, query: str) -> Sections:
    """Run a reading in one round trip; once more when an object vanished under it. Raises DatabaseError."""
    try:
        return _sections(await _copy(connection, query))
    except DatabaseError as error:
        if error.sqlstate != "XX000":  # "cache lookup failed": the object was dropped between snapshot and deparse
            raise
        return _sections(await _copy(connection, query))


async def read_rows(connection: asyncpg.Connection, query: str) -> list[dict[str, Any]]:
    """The rows of a query of ours. One round trip, on search_path pg_catalog alone. Raises DatabaseError."""
    text = await _copy(connection, f"select row_to_json(asked) from ({query}) asked")
    lines = (_ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), line) for line in text.split(b"\n") if line)
    return [json.loads(line) for line in lines]


async def _copy(connection: asyncpg.Connection, query: str) -> bytes:
    """The rows of a query as COPY text. BEGIN, guards, query and COMMIT travel as one message."""
    chunks: list[bytes] = []

    async def sink(chunk: bytes) -> None:
        chunks.append(chunk)

    inside = connection.is_in_transaction()
    guards = "set local search_path = pg_catalog; set local jit = off; set local lock_timeout = '5s'; set local statement_timeout = '60s'; "
    opened = "savepoint reading; " if inside else "begin isolation level repeatable read read only; "
    closed = "; rollback to savepoint reading; release savepoint reading" if inside else "; commit"
    try:
        # The public copy_from_query() would take the COPY alone, and the guards another round trip.
        await connection._copy_out(f"{opened}{guards}copy ({query}) to stdout{closed}", sink, None)  # type: ignore[attr-defined]
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if not connection.is_closed():
            await connection.execute("rollback to savepoint reading" if inside else "rollback")
        raise translated(error) from error
    return b"".join(chunks)


def _sections(text: bytes) -> Sections:
    """COPY text as {tag: {oid: payload}}; payloads stay as they are."""
    sections: dict[str, dict[int, str]] = {}
    for line in text.split(b"\n"):
        if not line:
            continue
        tag, oid, payload = line.split(b"\t", 2)
        if b"\\" in payload:
            if payload == b"\\N":
                continue
            payload = _ESCAPE.sub(lambda match: _ESCAPES.get(match[1], match[1]), payload)
        sections.setdefault(tag.decode(), {})[int(oid)] = payload.decode()
    return sections
