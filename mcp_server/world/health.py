"""A connection -> Health, in two round trips, read only and without waiting for anybody's lock.

The sections under `health/*.sql` are ours; each is a query whose rows become values of model/health.py. Views that an
ordinary role sees in part (sessions of others, their statements) are read as far as it may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from mcp_server.errors import DatabaseError
from mcp_server.model.health import (
    Health,
    IndexHealth,
    ReplicaHealth,
    SequenceHealth,
    ServerHealth,
    SessionHealth,
    SlotHealth,
    StatementHealth,
    TableHealth,
)
from mcp_server.model.names import qualified
from mcp_server.world.catalog import for_version, read_rows

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_FOLDER = Path(__file__).with_name("health")
_SECTIONS = ("tables", "indexes", "sequences", "sessions", "replication")
_UNLOADED = "pg_stat_statements is installed but not loaded (shared_preload_libraries), so no statement is known"


async def read_health(connection: Connection) -> Health:
    """What the server says of itself and of the database. Raises DatabaseError."""
    version = connection.get_server_version().major
    (first,) = await read_rows(connection, _sql("server", version))
    server = ServerHealth(**{**first, "settings": first["settings"] or {}})
    loaded = "pg_stat_statements" in server.settings.get("shared_preload_libraries", "")
    sections = list(_SECTIONS)
    if server.statements_schema and loaded:
        sections += ["statements", "evicted"]
    sections += ["pending"] if server.tuples_schema else []
    unread = [_UNLOADED] if server.statements_schema and not loaded else []
    rows = await _read(connection, sections, server)
    return _health(server, rows, tuple(unread))


async def _read(
    connection: Connection, sections: Iterable[str], server: ServerHealth
) -> dict[str, list[dict[str, Any]]]:
    """The rows of the sections, in one round trip."""
    parts = [
        f"select '{name}' as section, row_to_json(r) as fact from ({_sql(name, server.version)}) r" for name in sections
    ]
    query = "\nunion all\n".join(parts).replace(":schema", server.statements_schema or "")
    query = query.replace(":tuples", server.tuples_schema or "")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in await read_rows(connection, query):
        found.setdefault(row["section"], []).append(row["fact"])
    return found


def _sql(section: str, version: int) -> str:
    text = (_FOLDER / f"{section}.sql").read_text(encoding="utf-8")
    if version < 14:
        raise DatabaseError(f"PostgreSQL {version} is too old to be read.", "Use a server of version 14 or newer.")
    return for_version(text, version * 10000).strip().removesuffix(";")


def _health(server: ServerHealth, rows: Mapping[str, list[dict[str, Any]]], unread: tuple[str, ...]) -> Health:
    replication = rows.get("replication", [])
    pending = {qualified(row["schema"], row["name"]): row["pending"] for row in rows.get("pending", [])}
    evicted = next(iter(rows.get("evicted", [])), {})
    return Health(
        server,
        tables=tuple(TableHealth(**_named(row)) for row in rows.get("tables", [])),
        indexes=tuple(_index(row, pending) for row in rows.get("indexes", [])),
        sequences=tuple(SequenceHealth(**_named(row)) for row in rows.get("sequences", [])),
        sessions=tuple(
            SessionHealth(**{**row, "blocked_by": tuple(row["blocked_by"])}) for row in rows.get("sessions", [])
        ),
        statements=tuple(StatementHealth(**_known(row)) for row in rows.get("statements", [])),
        statements_days=evicted.get("days"),
        evicted=evicted.get("evicted", 0),
        slots=tuple(
            SlotHealth(row["name"], row["active"], row["retained"]) for row in replication if row["kind"] == "slot"
        ),
        replicas=tuple(
            ReplicaHealth(row["name"], row["lag_seconds"]) for row in replication if row["kind"] == "replica"
        ),
        unread=unread,
    )


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its identity in the place of schema and name."""
    rest = {key: value for key, value in row.items() if key not in ("schema", "name")}
    return {"identity": qualified(row["schema"], row["name"]), **_known(rest)}


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is not known, but for what may be None; counters that were never begun are 0."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items() if value is not None}


def _index(row: Mapping[str, Any], pending: Mapping[str, int]) -> IndexHealth:
    facts = {key: value for key, value in row.items() if not key.startswith("table_")}
    named = _named(facts)
    more = {"columns": tuple(named["columns"]), "pending": pending.get(named["identity"])}
    return IndexHealth(**{**named, **more}, table=qualified(row["table_schema"], row["table_name"]))
